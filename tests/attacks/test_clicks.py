"""Clicks and windows of people who may not, and forged ones: none of them decides, runs or shows anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.slack.blocks.fields import field_of
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.openrouter import call, calls, text
from tests.attacks.conftest import (
    R,
    action,
    ask,
    carried,
    click,
    decision,
    grants,
    journal,
    next_card,
    now,
    picked,
    prepare,
    send,
    started,
    submission,
    typed,
    untouched,
    window,
    write,
)
from tests.harness import World
from tests.inprocess.fixtures import Opens, Worlds, some

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

Json = dict[str, Any]
ZEROS = "0" * 32


WRONG = ("bystander", "outsider", "connect", "deactivated", "bot", "our bot", "nobody", "odd")


@pytest.mark.parametrize("who", some(WRONG, across=["bystander"]))
@pytest.mark.parametrize("label", ["Approve", "Deny"])
async def test_the_wrong_person_decides_nothing(here: World, who: str, label: str) -> None:
    here.expected_refusals += ["user_not_in_channel", "chat.postEphemeral", "users.info"]
    people = {
        "bystander": here.bob,
        "outsider": here.slack.add_person("Carol Out"),
        "connect": here.slack.add_person("Erin Elsewhere", team_id="T0ELSEWHERE"),
        "deactivated": here.slack.add_person("Dave Gone", deleted=True),
        "bot": here.slack.add_bot("Helper"),
        "our bot": here.slack.workspace.bot,
        "nobody": Person("", "", "", here.slack.team_id),
        "odd": Person("requester", "requester", "", here.slack.team_id),
    }
    ts, card = await ask(here, write(here))
    await send(here, click(here, card, action(card, label), people[who]))
    await untouched(here, ts, card, request=carried(card)[0])


@pytest.mark.parametrize("kind", some(["connect", "deactivated"], across=["connect"]))
async def test_nobody_is_asked_what_only_somebody_could_approve_who_never_may(here: World, kind: str) -> None:
    away = {"connect": {"team_id": "T0ELSEWHERE"}, "deactivated": {"deleted": True}}[kind]
    person = here.slack.workspace.add_person(
        "Mallory Away", team_id=str(away.get("team_id") or here.slack.team_id), deleted=bool(away.get("deleted"))
    )
    here.slack.invite(here.general, person)
    here.model.script(calls(write(here)), text("A member has to ask."))
    ts = await here.slack.say(here.general, person, "<@BOT> write")
    await here.reply(ts, "A member has to ask.")
    await here.quiet()
    assert not any(reply.buttons for reply in here.replies(ts))
    assert started(here, ts) == 0
    assert "no active member of this workspace" in here.model.requests[-1].messages[-1]["content"]


LIES = ("team", "team of the user", "no team", "channel", "no channel", "message", "no message")


@pytest.mark.parametrize("lie", some(LIES, across=["channel"]))
async def test_a_click_from_elsewhere_decides_nothing(here: World, lie: str) -> None:
    here.expected_refusals += ["chat.postEphemeral"]
    ts, card = await ask(here, write(here))
    private = here.slack.add_channel(f"private-{here.tests}", members=[here.alice], kind="group")
    user = {"id": here.alice.id, "team_id": "T0ELSEWHERE"}
    changes: dict[str, Json] = {
        "team": {"team": {"id": "T0ELSEWHERE", "domain": "x"}},
        "team of the user": {"team": None, "user": user},
        "no team": {"team": {}, "user": {"id": here.alice.id}},
        "channel": {"channel": {"id": private.id, "name": "privategroup"}},
        "no channel": {"channel": None},
        "message": {"message": {**card.as_json(), "ts": ts}},
        "no message": {"message": None},
    }
    await send(here, {**click(here, card, action(card, "Approve"), here.alice), **changes[lie]})
    await untouched(here, ts, card, request=carried(card)[0])


VALUES: dict[str, Callable[[str, str], object]] = {
    "zeros": lambda a, d: {"a": a, "d": "0" * 64},
    "no digest": lambda a, d: {"a": a, "d": ""},
    "a part of the digest": lambda a, d: {"a": a, "d": d[:32]},
    "another case": lambda a, d: {"a": a, "d": d.upper()},
    "more than the digest": lambda a, d: {"a": a, "d": d + "0"},
    "another id": lambda a, d: {"a": "A" * 24, "d": d},
    "no id": lambda a, d: {"a": "", "d": d},
    "a pattern": lambda a, d: {"a": "%", "d": d},
    "an id with a blank": lambda a, d: {"a": a + " ", "d": d},
    "an id that is no text": lambda a, d: {"a": "\ud800", "d": d},
    "an id with a NUL": lambda a, d: {"a": a + "\0", "d": d},
    "lists": lambda a, d: {"a": [a], "d": [d]},
    "a pair": lambda a, d: [a, d],
    "null": lambda a, d: {"a": a, "d": None},
    "more keys": lambda a, d: {"a": a, "d": d, "user": "U1"},
    "a prefix under another name": lambda a, d: {"k": "approved", "a": a, "p": d[:32]},
    "an empty prefix": lambda a, d: {"k": "stop", "a": a, "p": ""},
    "a short prefix": lambda a, d: {"k": "stop", "a": a, "p": d[:8]},
    "a prefix of zeros": lambda a, d: {"k": "stop", "a": a, "p": ZEROS},
    "a prefix of wildcards": lambda a, d: {"k": "stop", "a": a, "p": "%" * 32},
    "all of nothing": lambda a, d: {"all": []},
    "all of nine": lambda a, d: {"all": [[a, d]] * 9},
    "all with three parts": lambda a, d: {"all": [[a, d, d]]},
    "all with zeros": lambda a, d: {"all": [[a, "0" * 64], [a, ""], [a, d[:32]]]},
    "all that is no list": lambda a, d: {"all": {a: d}},
    "all and one": lambda a, d: {"all": [[a, d]], "a": a, "d": d},
    "huge": lambda a, d: {"a": a, "d": d, "x": "x" * 5_000},
    "deep": lambda a, d: "[" * 1_900,
    "no JSON": lambda a, d: "approved",
    "a number": lambda a, d: 10**30,
    "not a number": lambda a, d: "NaN",
}


@pytest.mark.parametrize("shape", some(VALUES, across=["zeros"]))
async def test_a_forged_value_decides_nothing_whoever_sends_it(here: World, shape: str) -> None:
    ts, card = await ask(here, write(here))
    request, digest = carried(card)
    made = VALUES[shape](request, digest)
    value = made if isinstance(made, str) else json.dumps(made)
    for name in ("approval.approved", "approval.all.approved", "approval.undo"):
        await send(here, click(here, card, action(card, "Approve", action_id=name, value=value), here.alice))
    chosen = {"text": {"type": "plain_text", "text": "x"}, "value": value}
    pressed = {"type": "overflow", "action_id": "approval.more", "block_id": "b", "selected_option": chosen}
    await send(here, click(here, card, pressed, here.alice))
    await untouched(here, ts, card, request=request)


@pytest.mark.parametrize(
    "pressed",
    [
        {"action_id": "approval.approved"},
        {"action_id": "approval.approved", "value": None},
        {"action_id": "approval.approved", "value": {"a": "x", "d": "y"}},
        {"action_id": "approval.approved", "value": ["x"]},
        {"action_id": "approval.more", "selected_option": "stop"},
        {"action_id": "approval.more", "selected_option": ["stop"]},
        {"action_id": "approval.more", "selected_option": {"value": {"k": "stop"}}},
        {"action_id": "details.page", "value": "[]"},
        {"action_id": "details.page", "value": {}},
        {"action_id": "grant.revoke", "value": '{"g": 1000000000000000000000000}'},
        {"action_id": "grant.revoke", "value": '{"g": -1}'},
        {"action_id": "grant.revoke", "value": '{"g": true}'},
    ],
)
async def test_an_action_of_another_shape_does_nothing_and_gets_its_ack(here: World, pressed: Json) -> None:
    ts, card = await ask(here, write(here))
    await send(here, click(here, card, {"type": "button", "block_id": "b", **pressed}, here.alice))
    await untouched(here, ts, card)


NAMES = (
    *("it_ran", "run_again", "skipped", "undo", "awaiting", "edited", "expired", "stopped", "drifted", "withdrawn"),
    *("reason", "stop", "more", "all", "all.", "all.it_ran", "approved.0", "approved.1.1", "approved\n", "approved "),
    *("APPROVED", "", ".."),
)


@pytest.mark.parametrize("name", some(NAMES, across=["skipped"]))
async def test_the_value_of_a_button_under_another_name_does_nothing(here: World, name: str) -> None:
    ts, card = await ask(here, write(here))
    await send(here, click(here, card, action(card, "Approve", action_id=f"approval.{name}"), here.alice))
    await untouched(here, ts, card, request=carried(card)[0])


@pytest.mark.parametrize("name", ["approved", "all.approved", "denied", "stop", "undo", "it_ran", "edit", "always"])
async def test_a_bystander_opens_and_decides_nothing_under_any_name(here: World, name: str) -> None:
    ts, card = await ask(here, write(here))
    request, digest = carried(card)
    pressed = action(card, "Approve", action_id=f"approval.{name}")
    if name == "stop":
        value = json.dumps({"k": "stop", "a": request, "p": digest[:32]})
        pressed = action(card, "Approve", action_id="approval.more", value=value)
    await send(here, click(here, card, pressed, here.bob))
    await untouched(here, ts, card, request=request)
    assert here.slack.modals(here.bob) == []


@pytest.mark.parametrize("name", ["approved", "denied", "all.approved", "edit", "always", "undo"])
async def test_what_may_have_run_is_not_answered_by_buttons_of_another_question(here: World, name: str) -> None:
    ts, card = await ask(here, call(R + "die", {"words": "ran"}))
    await here.slack.click(card, "Approve", by=here.alice)
    question = await here.card(ts, "It ran")
    assert "may or may not have run" in question.plain
    await here.quiet()
    pressed = action(question, "It ran", action_id=f"approval.{name}")
    await send(here, click(here, question, pressed, here.alice))
    for view in here.slack.modals(here.alice):
        await send(here, submission(here, view, here.alice, {field_of("words"): typed('"ran again"')}))
    await here.quiet()
    assert decision(here, carried(question, "It ran")[0]) == "awaiting"
    assert journal(here) == ["ran"]
    await here.slack.click(now(here, question), "Skip", by=here.alice)
    await here.reply(ts, "It is done.")
    assert journal(here) == ["ran"]
    assert grants(here) == []


@pytest.mark.parametrize("ending", some(["approved", "denied", "edited", "stopped", "drifted"], across=["approved"]))
async def test_a_spent_click_runs_nothing(here: World, ending: str) -> None:
    (here.workspace / "a.txt").write_text("as it was")
    ts, card = await ask(here, write(here))
    spent = click(here, card, action(card, "Approve"), here.alice)
    request, _ = carried(card)
    match ending:
        case "approved" | "denied":
            await here.slack.click(card, {"approved": "Approve", "denied": "Deny"}[ending], by=here.alice)
        case "stopped":
            await here.slack.click(card, "approval.more", by=here.alice, option="Stop")
        case "edited":
            view = await window(here, card, "Edit…", here.alice)
            await here.slack.submit(here.alice, view, {field_of("content"): {"value": "edited"}})
        case _:
            (here.workspace / "a.txt").write_text("changed since")
            await here.slack.click(card, "Approve", by=here.alice)
    await here.until(lambda: decision(here, request) == ending, what=ending, poll=0.02)
    await here.quiet()
    (here.workspace / "a.txt").write_text("changed by hand")
    before = started(here, ts)
    for _ in range(3):
        await send(here, spent)
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "changed by hand"
    assert started(here, ts) == before
    assert decision(here, request) == ending
    assert "Nothing was changed" in here.slack.ephemerals(here.alice)[-1].plain
    for fresh in [reply for reply in here.replies(ts) if "Deny" in reply.buttons]:
        await here.slack.click(fresh, "Deny", by=here.alice)
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "changed by hand"


@pytest.mark.across
async def test_one_envelope_delivered_again_and_again_approves_once(here: World) -> None:
    ts, card = await ask(here, call(R + "note", {"words": "once"}))
    payload = click(here, card, action(card, "Approve"), here.alice)
    request, _ = carried(card)
    await asyncio.gather(*(send(here, payload) for _ in range(5)))
    await here.reply(ts, "It is done.")
    await send(here, payload)
    await here.quiet()
    assert journal(here) == ["once"]
    assert here.bot.rows("SELECT count(*) FROM votes WHERE question = ?", request) == [(1,)]


async def test_twenty_clicks_at_once_run_a_call_once(here: World) -> None:
    ts, card = await ask(here, call(R + "note", {"words": "once"}))
    await asyncio.gather(*(here.slack.click_raw(card, "Approve", by=here.alice) for _ in range(20)))
    await here.reply(ts, "It is done.")
    await here.quiet()
    assert journal(here) == ["once"]
    assert len(here.model.requests) == 2


@pytest.mark.across
async def test_approve_and_deny_at_once_settle_on_one_of_them(here: World) -> None:
    ts, card = await ask(here, call(R + "note", {"words": "ran"}))
    request, _ = carried(card)
    labels = ["Approve", "Deny"] * 5
    await asyncio.gather(*(here.slack.click_raw(card, label, by=here.alice) for label in labels))
    await here.reply(ts, "It is done.")
    await here.quiet()
    assert journal(here) == {"approved": ["ran"], "denied": []}[decision(here, request)]


@pytest.mark.parametrize("mixed", ["digest", "id", "message", "thread and channel", "all"])
async def test_a_click_on_one_request_settles_no_other(here: World, mixed: str) -> None:
    """Alice may decide her own request only; Bob's is in another thread of the same channel, or in another channel."""
    other = here.slack.add_channel(f"other-{here.tests}", members=[here.alice, here.bob])
    place = other if mixed == "thread and channel" else here.general
    ts, hers = await ask(here, call(R + "note", {"words": "hers"}))
    his_ts, his = await ask(here, call(R + "note", {"words": "his"}), by=here.bob, channel=place)
    (a, d), (b, e) = carried(hers), carried(his)
    forged: Json = {
        "digest": click(here, hers, action(hers, "Approve", value=json.dumps({"a": b, "d": d})), here.alice),
        "id": click(here, hers, action(hers, "Approve", value=json.dumps({"a": a, "d": e})), here.alice),
        "message": click(here, his, action(hers, "Approve"), here.alice),
        "thread and channel": click(here, his, action(hers, "Approve"), here.alice),
        "all": click(
            here,
            his,
            action(his, "Approve", action_id="approval.all.approved", value=json.dumps({"all": [[b, e], [a, d]]})),
            here.alice,
        ),
    }[mixed]
    await send(here, forged)
    await here.quiet()
    assert (decision(here, a), decision(here, b)) == ("awaiting", "awaiting")
    assert journal(here) == []
    await here.slack.click(hers, "Deny", by=here.alice)
    await here.slack.click(his, "Deny", by=here.bob)
    await here.reply(ts, "It is done.")
    await here.reply(his_ts, "It is done.", place)
    assert journal(here) == []


@pytest.mark.parametrize("where", ["thread", "channel"])
async def test_approve_all_reaches_only_what_stands_on_its_message_and_what_the_person_may_decide(
    here: World, where: str
) -> None:
    other = here.slack.add_channel(f"other-{here.tests}", members=[here.alice, here.bob])
    ts, hers = await ask(here, *(call(R + "note", {"words": word}) for word in ("one", "two")))
    elsewhere, another = await ask(
        here, call(R + "note", {"words": "not this"}), channel=other if where == "channel" else here.general
    )
    _, his = await ask(here, call(R + "note", {"words": "his"}), by=here.bob)
    pressed = action(hers, "Approve all")
    query = "SELECT q.id, q.digest FROM questions q JOIN posts p ON p.id = q.post WHERE p.ts = ?"
    both = [list(row) for row in here.bot.rows(query, hers.ts)]
    value = json.dumps({"all": [list(carried(another)), list(carried(his)), *both, *both]})
    await send(here, click(here, hers, {**pressed, "value": value}, here.alice))
    await here.reply(ts, "It is done.")
    await here.quiet()
    assert sorted(journal(here)) == ["one", "two"]
    assert {decision(here, carried(card)[0]) for card in (another, his)} == {"awaiting"}
    await here.slack.click(another, "Deny", by=here.alice)
    await here.slack.click(his, "Deny", by=here.bob)
    await here.reply(elsewhere, "It is done.", other if where == "channel" else here.general)


@pytest.mark.across
async def test_a_click_while_the_bot_is_away_counts_once_when_it_is_back(here: World) -> None:
    ts, card = await ask(here, call(R + "note", {"words": "once"}))
    approve = click(here, card, action(card, "Approve"), here.alice)
    forged = click(here, card, action(card, "Approve"), here.bob)
    request, _ = carried(card)
    await here.bot.kill()
    await here.until(lambda: not here.slack.hub.connections, what="the socket to be gone")
    waiting = [await here.slack.deliver(payload) for payload in (forged, approve, approve)]
    await here.bot.start()
    await here.ready()
    await here.until(lambda: all(sent.acked_at or sent.given_up for sent in waiting), what="the acks")
    await send(here, forged)
    await send(here, approve)
    await here.reply(ts, "It is done.")
    await send(here, approve)
    await here.quiet()
    assert journal(here) == ["once"]
    assert here.bot.rows("SELECT user FROM votes WHERE question = ?", request) == [(here.alice.id,)]


@pytest.mark.parametrize("who", some(["bystander", "outsider", "again"], across=["again"]))
async def test_undo_is_pressed_once_by_whoever_may(here: World, who: str) -> None:
    here.expected_refusals += ["user_not_in_channel"]
    ts, card = await ask(here, write(here))
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is done.")
    await here.until(lambda: "Undo" in now(here, card).buttons, what="the button")
    record = now(here, card).snapshot()
    by = {"bystander": here.bob, "outsider": here.slack.add_person("Carol Out"), "again": here.alice}[who]
    if who == "again":
        await here.slack.click(record, "Undo", by=here.alice)
        await here.until(lambda: "undone by" in now(here, card).plain, what="the record of it")
        (here.workspace / "a.txt").write_text("written by hand since")
    before = [path.read_text() for path in here.workspace.iterdir()]
    await send(here, click(here, record, action(record, "Undo"), by))
    await here.quiet()
    assert [path.read_text() for path in here.workspace.iterdir()] == before


# --- windows


async def whose(here: World, case: str) -> tuple[str, Message, str]:
    """Bob's request, with the sealed note of a window about it."""
    place: Channel = here.general
    if case == "another channel":
        place = here.slack.add_channel(f"other-{here.tests}", members=[here.alice, here.bob])
    ts, his = await ask(here, call(R + "note", {"words": "his"}), by=here.bob, channel=place)
    request, digest = carried(his)
    return ts, his, json.dumps({"o": [request, digest, place.id, his.ts, ts], "x": {}})


@pytest.mark.parametrize("label", ["Edit…", "Always…", "approval.more"])
@pytest.mark.parametrize("case", ["another request", "another channel"])
async def test_a_window_that_names_somebody_elses_request_does_nothing(here: World, label: str, case: str) -> None:
    ts, card = await ask(here, call(R + "note", {"words": "hers"}))
    _, his, sealed = await whose(here, case)
    view = await window(here, card, label, here.alice, "Deny with a reason…" if label == "approval.more" else None)
    extra = json.loads(view.data["private_metadata"])["x"]
    sealed = json.dumps({**json.loads(sealed), "x": extra})
    values = {field_of("words"): typed('"changed"')} if label == "Edit…" else {}
    await send(here, submission(here, view, here.alice, values, private_metadata=sealed))
    await here.quiet()
    assert {decision(here, carried(each)[0]) for each in (card, his)} == {"awaiting"}
    assert (journal(here), grants(here)) == ([], [])
    await here.slack.click(his, "Deny", by=here.bob)
    await untouched(here, ts, card)


@pytest.mark.parametrize("label", some(["Edit…", "Always…", "approval.more"], across=["Edit…"]))
async def test_a_window_that_somebody_else_sends_does_nothing(here: World, label: str) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, label, here.alice, "Deny with a reason…" if label == "approval.more" else None)
    values = {field_of("content"): typed("changed")} if label == "Edit…" else {}
    for by in (here.bob, here.slack.add_person("Erin Elsewhere", team_id="T0ELSEWHERE")):
        await send(here, submission(here, view, by, values))
    await untouched(here, ts, card, request=carried(card)[0])
    assert grants(here) == []


SEALS: dict[str, Callable[[list[str]], Json | str]] = {
    "digest": lambda o: {"o": [o[0], "0" * 64, *o[2:]], "x": {}},
    "a part of the digest": lambda o: {"o": [o[0], o[1][:32], *o[2:]], "x": {}},
    "no digest": lambda o: {"o": [o[0], "", *o[2:]], "x": {}},
    "message": lambda o: {"o": [*o[:3], "1.000001", o[4]], "x": {}},
    "channel": lambda o: {"o": [*o[:2], "C0OTHER", *o[3:]], "x": {}},
    "id": lambda o: {"o": ["\ud800", *o[1:]], "x": {}},
    "more": lambda o: {"o": [*o, "more"], "x": {}},
    "no note": lambda o: "",
    "huge": lambda o: {"o": o, "x": {"x": "x" * 4_000}},
    "deep": lambda o: "[" * 2_900,
}


@pytest.mark.parametrize("shape", some(SEALS, across=["digest"]))
@pytest.mark.parametrize("label", ["Edit…", "Always…"])
async def test_a_window_with_a_forged_note_does_nothing(here: World, shape: str, label: str) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, label, here.alice)
    original = json.loads(view.data["private_metadata"])
    made = SEALS[shape](original["o"])
    sealed = made if isinstance(made, str) else json.dumps({**made, "x": made["x"] or original["x"]})
    values = {field_of("content"): typed("changed")} if label == "Edit…" else {}
    for callback in (view.callback_id, "approval.reason"):
        await send(here, submission(here, view, here.alice, values, private_metadata=sealed, callback_id=callback))
    await untouched(here, ts, card, request=carried(card)[0])
    assert grants(here) == []


async def test_a_window_under_another_windows_name_grants_and_changes_nothing(here: World) -> None:
    ts, card = await ask(here, write(here))
    for label, callback in (("Edit…", "approval.always"), ("Always…", "approval.edit"), ("Edit…", "approval.grant")):
        view = await window(here, card, label, here.alice)
        await send(here, submission(here, view, here.alice, callback_id=callback))
    await untouched(here, ts, card, request=carried(card)[0])
    assert grants(here) == []


@pytest.mark.parametrize("label", ["Edit…", "Always…", "approval.more"])
async def test_a_window_about_what_is_decided_meanwhile_changes_nothing(here: World, label: str) -> None:
    ts, card = await ask(here, write(here))
    request, _ = carried(card)
    view = await window(here, card, label, here.alice, "Deny with a reason…" if label == "approval.more" else None)
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is done.")
    values = {field_of("content"): typed("changed")} if label == "Edit…" else {}
    await send(here, submission(here, view, here.alice, values))
    await here.quiet()
    assert decision(here, request) == "denied"
    assert (started(here, ts), here.open_approvals(ts), grants(here)) == (0, 0, [])


STATES: dict[str, Json] = {
    "a key that the schema has not": {field_of("mode"): typed("0777")},
    "a key of Python's": {field_of("__class__"): typed("x"), "__class__": typed("x")},
    "a list": {field_of("content"): ["changed"]},
    "a number": {field_of("content"): typed(7)},
    "a structure": {field_of("content"): typed({"value": "changed"})},
    "another action": {field_of("content"): {"other": {"value": "changed"}}},
}


@pytest.mark.parametrize("shape", some(STATES, across=["a list"]))
async def test_an_edit_slips_in_nothing_that_the_window_did_not_offer(here: World, shape: str) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, "Edit…", here.alice)
    ack = (await send(here, submission(here, view, here.alice, STATES[shape]))).ack_payload or {}
    # Fields of a form that this one is not: the window says that nothing was saved.
    assert ack.get("response_action") == ("update" if "key" in shape else "errors")
    await untouched(here, ts, card, request=carried(card)[0])


async def test_halves_of_characters_in_an_edit_are_shown_as_they_are_sent(here: World) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, "Edit…", here.alice)
    await send(here, submission(here, view, here.alice, {field_of("content"): typed("a\ud800b")}))
    fresh = await next_card(here, ts, card)
    assert "\ud800" not in fresh.plain
    assert "+a\ufffd" in fresh.plain
    await untouched(here, ts, fresh)


@pytest.mark.parametrize("path", ["../../../escaped.txt", "/etc/escaped.txt", "~/escaped.txt"])
async def test_an_edit_to_a_path_outside_asks_nobody_and_writes_nothing(here: World, path: str) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, "Edit…", here.alice)
    sent = await send(here, submission(here, view, here.alice, {field_of("path"): typed(path)}))
    assert (sent.ack_payload or {}).get("response_action") == "errors"
    await untouched(here, ts, card, request=carried(card)[0])
    assert [place for place in (here.bot.home, here.bot.home.parent) if (place / "escaped.txt").exists()] == []


ALWAYS: dict[str, tuple[Json, tuple[str, ...], float]] = {
    "the root": ({"scope": picked("folder:0")}, ("/",), 2_592_000),
    "above": ({"scope": picked("folder:0")}, ("..",), 2_592_000),
    "home": ({"scope": picked("folder:0")}, ("~",), 2_592_000),
    "nothing": ({"scope": picked("folder:0")}, ("",), 2_592_000),
    "a folder that was not offered": ({"scope": picked("folder:9")}, (), 2_592_000),
    "a scope of nobody's": ({"scope": picked("everything")}, (), 2_592_000),
    "no scope": ({"scope": picked(None)}, (), 2_592_000),
    "for all people": ({"time": picked("everyone:86400")}, (), 2_592_000),
    "another file": ({"scope": picked("file")}, ("/etc/passwd",), 2_592_000),
    "for thirty thousand years": ({"time": picked("mine:1000000000000")}, (), 1e12),
    "for ever": ({"time": picked("inf")}, (), float("inf")),
    "for no number": ({"time": picked("nan")}, (), float("nan")),
    "for less than nothing": ({"time": picked("-3600")}, (), -1e12),
}


@pytest.mark.parametrize("shape", some(ALWAYS, across=["the root"]))
async def test_a_grant_that_the_window_did_not_offer_is_not_given(here: World, shape: str) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, "Always…", here.alice)
    values, named, longest = ALWAYS[shape]
    note = json.loads(view.data["private_metadata"])
    scope = "file" if shape == "another file" else "folder"
    forged = [[scope, each] for each in named]
    note["x"] = {"offers": forged or note["x"]["offers"], "longest": longest}
    await send(here, submission(here, view, here.alice, values, private_metadata=json.dumps(note)))
    await untouched(here, ts, card, request=carried(card)[0])
    assert grants(here) == []


async def test_a_forged_limit_grants_no_longer_than_the_configuration_allows(here: World) -> None:
    ts, card = await ask(here, write(here))
    view = await window(here, card, "Always…", here.alice)
    note = json.loads(view.data["private_metadata"])
    note["x"]["longest"] = 1e12
    values = {"time": picked("mine:2592000"), "scope": picked("file")}
    await send(here, submission(here, view, here.alice, values, private_metadata=json.dumps(note)))
    await here.reply(ts, "It is done.")
    [(seconds,)] = here.bot.rows("SELECT expires_at - created_at FROM grants WHERE user = ?", here.alice.id)
    assert seconds <= 30 * 86_400 + 60
    await here.quiet()


@pytest.mark.parametrize("who", ["bystander", "nobody"])
async def test_nobody_revokes_somebody_elses_grant(here: World, who: str) -> None:
    here.expected_refusals += ["views.publish"]
    ts, card = await ask(here, write(here))
    view = await window(here, card, "Always…", here.alice)
    await here.slack.submit(here.alice, view, {"scope": {"value": "file"}})
    await here.reply(ts, "It is done.")
    [(number,)] = here.bot.rows("SELECT id FROM grants WHERE user = ?", here.alice.id)
    pressed = {"type": "button", "action_id": "grant.revoke", "block_id": "b", "value": json.dumps({"g": number})}
    by = {"bystander": here.bob, "nobody": Person("", "", "", here.slack.team_id)}[who]
    await send(here, click(here, card, pressed, by))
    await here.quiet()
    assert [ended for *_, ended in grants(here)] == [""]


# --- where two must agree, and little is shown


@dataclass
class Strict:
    """A bot under the strictest rules, with people whom these name."""

    here: World
    alice: Person
    bob: Person
    carol: Person
    away: dict[str, Person]


@asynccontextmanager
async def under_rules(opens: Opens, home: Path) -> AsyncGenerator[Strict]:
    """What is done under the strictest rules."""
    prepare(home, "")
    async with opens(home, start=False) as here:
        slack = here.slack
        names = ("Alice Strict", "Bob Strict", "Carol Strict")
        alice, bob, carol = (slack.add_person(name) for name in names)
        away = {
            "connect": slack.add_person("Erin Elsewhere", team_id="T0ELSEWHERE"),
            "deactivated": slack.add_person("Dave Gone", deleted=True),
            "bot": slack.add_bot("Helper"),
        }
        # A third, so that two are left when one has changed a call.
        group = slack.add_usergroup("approvers", [carol, slack.add_person("Frank Strict"), *away.values()])
        named = json.dumps([bob.id, group, *(person.id for person in away.values())])
        (home / "bot.toml").write_text(
            '[agent]\nprivacy = "full"\n'
            f"[approvals]\napprovers = {named}\n"
            "[approvals.destructive]\nneeded = 2\nno_self = true\n"
        )
        await here.bot.start()
        await here.ready()
        yield Strict(here, alice, bob, carol, away)


@pytest.fixture
async def strict(worlds: Worlds) -> AsyncGenerator[Strict]:
    this = await worlds.of(under_rules)
    here = this.here
    here.fresh()
    here.alice, here.bob = this.alice, this.bob
    for person in (here.alice, here.bob, this.carol, *this.away.values()):
        here.slack.invite(here.general, person)
    (here.bot.home / "journal").write_text("")
    yield this
    await here.quiet()
    here.check()


async def test_two_people_at_the_same_moment_run_a_call_once(strict: Strict) -> None:
    here = strict.here
    ts, card = await ask(here, call(R + "note", {"words": "once"}))
    clicks = [here.slack.click_raw(card, "Approve", by=person) for person in (strict.bob, strict.carol)]
    await asyncio.gather(*clicks)
    await here.reply(ts, "It is done.")
    await here.quiet()
    assert journal(here) == ["once"]


async def test_one_of_two_approves_and_the_other_denies_at_the_same_moment(strict: Strict) -> None:
    here = strict.here
    ts, card = await ask(here, call(R + "note", {"words": "never"}))
    request, _ = carried(card)
    pairs = [("Approve", strict.bob), ("Deny", strict.carol)]
    await asyncio.gather(*(here.slack.click_raw(card, label, by=person) for label, person in pairs))
    await here.reply(ts, "It is done.")
    await here.quiet()
    assert decision(here, request) == "denied"
    assert journal(here) == []


@pytest.mark.parametrize("who", some(["himself", "the requester", "connect", "deactivated", "bot"], across=["himself"]))
async def test_the_second_approval_is_another_persons_who_may(strict: Strict, who: str) -> None:
    here = strict.here
    ts, card = await ask(here, call(R + "note", {"words": "never"}))
    second = {"himself": strict.bob, "the requester": strict.alice, **strict.away}[who]
    everything = json.dumps({"all": [list(carried(card))] * 8})
    pressed = action(card, "Approve", action_id="approval.all.approved", value=everything)
    await here.slack.click(card, "Approve", by=strict.bob)
    for _ in range(10):
        await send(here, click(here, card, action(card, "Approve"), second))
    await send(here, click(here, card, pressed, second))
    await untouched(here, ts, card, strict.carol, carried(card)[0])


async def test_who_changes_a_call_cannot_be_one_of_those_who_approve_it(strict: Strict) -> None:
    here = strict.here
    ts, card = await ask(here, call(R + "note", {"words": "never"}))
    view = await window(here, card, "Edit…", strict.bob)
    await here.slack.submit(strict.bob, view, {field_of("words"): {"value": '"mine"'}})
    fresh = await next_card(here, ts, card)
    await here.slack.click(fresh, "Approve", by=strict.carol)
    await here.slack.click_raw(fresh, "Approve", by=strict.bob)
    await untouched(here, ts, fresh, strict.carol, carried(fresh)[0])


async def test_no_grant_is_given_where_two_must_agree_however_the_window_is_made(strict: Strict) -> None:
    here = strict.here
    ts, card = await ask(here, call(R + "note", {"words": "never"}))
    assert "Always…" not in card.buttons
    await send(here, click(here, card, action(card, "Approve", action_id="approval.always"), strict.bob))
    view = await window(here, card, "Edit…", strict.bob)
    note = json.loads(view.data["private_metadata"])
    note["x"] = {"offers": [["any", ""]], "longest": 2_592_000.0}
    values = {"scope": picked("any"), "time": picked("mine:86400")}
    await send(
        here,
        submission(here, view, strict.bob, values, private_metadata=json.dumps(note), callback_id="approval.always"),
    )
    await untouched(here, ts, card, strict.carol, carried(card)[0])
    assert grants(here) == []


SECRET = "hidden-7f3a"


@pytest.mark.across
async def test_what_is_private_is_shown_to_no_bystander_and_approved_by_nobody_who_has_not_seen_it(
    strict: Strict,
) -> None:
    here = strict.here
    mallory = here.slack.add_person("Mallory Curious")
    here.slack.invite(here.general, mallory)
    bot_toml = here.bot.home / "bot.toml"
    before = bot_toml.read_text()
    bot_toml.write_text(before.replace('privacy = "full"', 'privacy = "private"'))
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    try:
        ts, card = await ask(here, call(R + "note", {"words": SECRET}))
        [(request, digest)] = here.bot.rows("SELECT id, digest FROM questions WHERE decision = 'awaiting'")
        assert card.buttons == ["Review…"]
        value = json.dumps({"a": request, "d": digest})
        for person in (mallory, *strict.away.values()):
            await send(here, click(here, card, action(card, "Review…"), person))
            page = json.dumps({"a": request, "d": digest, "n": 0})
            forged = {"type": "button", "action_id": "details.page", "block_id": "b", "value": page}
            view = {"id": "V0FORGED", "type": "modal", "private_metadata": "", "blocks": []}
            await send(
                here, click(here, card, forged, person, view=view, container={"type": "view", "view_id": view["id"]})
            )
            for name in ("edit", "always", "details"):
                pressed = action(card, "Review…", action_id=f"approval.{name}", value=value)
                await send(here, click(here, card, pressed, person))
        await here.quiet()
        sent = [call for call in here.slack.calls if call.method.startswith("views.") and SECRET in str(call.args)]
        assert sent == []
        assert SECRET not in "".join(
            json.dumps(message.as_json()) for message in here.slack.thread(here.general, ts)[1:]
        )
        assert SECRET not in "".join(message.plain for message in here.slack.ephemerals(mallory))
        for who in (strict.bob, strict.carol):
            pressed = action(card, "Review…", action_id="approval.approved", value=value)
            await send(here, click(here, card, pressed, who))
        await here.until(lambda: here.slack.modals(strict.carol), what="the window in place of an approval")
        assert here.bot.rows("SELECT count(*) FROM votes WHERE question = ?", request) == [(0,)]
        await here.slack.click(here.slack.modals(strict.carol)[-1], "Deny", by=strict.carol)
        await here.until(lambda: here.open_approvals(ts) == 0, what="the denial")
        await here.quiet()
        assert journal(here) == []
    finally:
        bot_toml.write_text(before)
        await here.bot.stop()
        await here.bot.start()
        await here.ready()


async def test_a_request_of_a_private_channel_opens_nothing_elsewhere(strict: Strict) -> None:
    here = strict.here
    here.expected_refusals += ["chat.postEphemeral"]
    room = here.slack.add_channel(f"room-{here.tests}", members=[strict.alice, strict.bob, strict.carol], kind="group")
    mallory = here.slack.add_person("Mallory Curious")
    here.slack.invite(here.general, mallory)
    ts, card = await ask(here, call(R + "note", {"words": SECRET}), channel=room)
    assert SECRET in card.plain
    request, digest = carried(card)
    public = {"id": here.general.id, "name": "general"}
    details = action(card, "Approve", action_id="approval.details")
    page = {**details, "action_id": "details.page", "value": json.dumps({"a": request, "d": digest, "n": 0})}
    opened = here.slack.modals(mallory)
    for pressed in (details, page):
        view = {"id": "V0FORGED", "type": "modal", "private_metadata": "", "blocks": []}
        await send(here, click(here, card, pressed, mallory, channel=public, view=view))
    await here.quiet()
    shown = [call for call in here.slack.calls if call.method.startswith("views.") and SECRET in json.dumps(call.args)]
    assert shown == []
    assert opened == here.slack.modals(mallory) == []
    await untouched(here, ts, card, strict.carol, request)
