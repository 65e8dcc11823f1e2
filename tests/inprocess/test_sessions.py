"""The status of a thread's session is true at every stage, and Slack's own Stop stops what it may, once."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Json, Person
from slack_sandbox.openrouter import failure, text
from tests.filled import fill
from tests.harness import ROOT, World
from tests.inprocess.turns import outcomes, thinking, waiting, write
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

STOPPED = "Nothing was changed"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


def status(here: World, ts: str, channel: Channel | None = None) -> str:
    """What Slack shows of a thread."""
    session = here.slack.workspace.sessions.get(((channel or here.general).id, ts))
    return str(session["status"]) if session else ""


async def shows(here: World, ts: str, wanted: str, channel: Channel | None = None) -> None:
    await here.until(lambda: status(here, ts, channel) == wanted, what=f"the status {wanted}")


def made(here: World, *methods: str) -> list[Any]:
    found = methods or ("agents.sessions.setStatus",)
    return [each for each in here.slack.calls if each.method in found]


async def processing(here: World, who: Person | None = None) -> tuple[str, asyncio.Event]:
    """A turn whose request to the model is under way, which Slack shows. Out: its thread, and what ends the request."""
    ts, ends = await thinking(here, who)
    await shows(here, ts, "processing")
    return ts, ends


async def pressed(here: World, ts: str, who: Person, **changed: Any) -> Json:
    """Deliver a Stop, also where Slack shows no button. Out: what was delivered."""
    event: Json = {"type": "agent_session_stopped", "user": who.id, "channel": here.general.id, "thread_ts": ts}
    event.update(streaming_message_ts=[], event_ts=here.slack.clock.ts(), **changed)
    payload = here.slack.events.wrap(event, here.general)
    envelope = await here.slack.deliver(payload)
    await here.until(lambda: envelope.acked_at, what="the acknowledgement")
    return payload


# --- the status


async def test_it_is_true_at_every_stage_of_a_turn(here: World) -> None:
    ts, ends = await processing(here)
    here.model.reset()
    here.model.script(write(here), text("Written."))
    ends.set()
    await shows(here, ts, "active")
    await here.slack.say(here.general, here.alice, "write", thread_ts=ts)
    card = await here.reply(ts, "Waiting for you")
    await shows(here, ts, "suspended")
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "Written.")
    await shows(here, ts, "active")
    statuses = [each.args["status"] for each in made(here)]
    assert statuses == ["processing", "active", "processing", "suspended", "processing", "active"]
    await here.until(lambda: not here.bot.rows("SELECT 1 FROM posts WHERE kind = 'session'"), poll=0.01)


async def test_a_turn_that_fails_leaves_it_active(here: World) -> None:
    here.model.script(failure(402))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "Everything in this thread is kept")
    await shows(here, ts, "active")


async def test_a_message_while_a_person_is_waited_for_leaves_it_suspended(here: World) -> None:
    ts, card = await waiting(here)
    await shows(here, ts, "suspended")
    await here.slack.say(here.general, here.alice, "what is taking so long?", thread_ts=ts)
    await here.slack.click(card, "Approve", by=here.bob)
    await here.quiet()
    await asyncio.sleep(0)
    assert [each.args["status"] for each in made(here)] == ["processing", "suspended"]
    assert here.open_approvals(ts) == 1


@pytest.mark.parametrize("stage", ["thinking", "waiting", "answered"])
async def test_after_a_restart_it_is_true_again_without_a_call_that_is_not_needed(here: World, stage: str) -> None:
    assert isinstance(here.bot, BotInside)
    if stage == "thinking":
        ts, ends = await processing(here)
        here.model.reset()
        here.model.script(text("The answer."))
        ends.set()
        await here.bot.stop()
    else:
        ts, card = await waiting(here)
        await shows(here, ts, "suspended")
        if stage == "answered":
            await here.slack.click(card, "Approve", by=here.alice)
            await shows(here, ts, "active")
        await here.quiet()
        await here.until(lambda: not here.bot.rows("SELECT 1 FROM posts WHERE kind = 'session'"), poll=0.01)
        await here.bot.stop()
    before = len(made(here))
    await here.bot.start()
    await here.quiet()
    await shows(here, ts, {"thinking": "active", "waiting": "suspended", "answered": "active"}[stage])
    if stage != "thinking":
        assert len(made(here)) == before


async def test_what_an_earlier_process_did_not_say_any_more_is_said_at_the_start(here: World) -> None:
    assert isinstance(here.bot, BotInside)
    ts, _ = await waiting(here)
    await shows(here, ts, "suspended")
    await here.quiet()
    await here.bot.stop()
    with sqlite3.connect(here.bot.database) as connection:
        connection.execute(
            "INSERT INTO posts (thread_id, key, kind, payload, state, created_at)"
            " SELECT id, 'session-' || id, 'session', '', 'removed', 0 FROM threads"
        )
    here.slack.workspace.sessions[here.general.id, ts]["status"] = "processing"
    await here.bot.start()
    await shows(here, ts, "suspended")
    await here.until(lambda: not here.bot.rows("SELECT 1 FROM posts WHERE kind = 'session'"), poll=0.01)


async def test_two_thousand_threads_that_wait_are_left_alone_at_the_start(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        assert isinstance(here.bot, BotInside)
        await here.bot.start()
        await here.bot.stop()
        with sqlite3.connect(here.bot.database) as connection:
            fill(connection, 20_000)
            connection.execute("UPDATE messages SET role = 'assistant' WHERE seq = 5 AND thread_id % 10 = 0")
            connection.execute("UPDATE questions SET checked_at = ?", (time.time(),))
        before = len(made(here))
        await here.bot.start()
        await here.quiet()
        assert made(here)[before:] == []
        here.slack.rejected.clear()  # of channels that are only rows


@pytest.mark.parametrize("code", ["not_authorized", "not_agent_app"])
async def test_an_app_that_turns_out_to_be_no_agent_is_asked_once(here: World, code: str) -> None:
    here.slack.faults.add("agents.sessions.setStatus", "error", times=None, code=code)
    for _ in range(3):
        here.model.script(text("Good morning."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "Good morning.")
    await here.quiet()
    assert len(made(here)) == 1
    assert here.bot.log.count("not declared an agent") == 1
    assert " ERROR " not in here.bot.log


async def test_a_status_that_slack_refuses_for_a_moment_is_given_later(here: World) -> None:
    here.slack.faults.add("agents.sessions.setStatus", "ratelimited", times=2, retry_after=1)
    ts, _ = await waiting(here)
    await shows(here, ts, "suspended")
    assert " ERROR " not in here.bot.log


async def test_a_name_that_slack_does_not_take_is_left_out(here: World) -> None:
    here.slack.faults.add("agents.sessions.setStatus", "error", times=1, code="invalid_arguments")
    ts, _ = await waiting(here)
    await shows(here, ts, "suspended")
    assert here.slack.workspace.sessions[here.general.id, ts]["title"] == ""


async def test_a_session_is_named_after_the_first_words_of_the_request(here: World) -> None:
    here.model.respond = lambda request: text("Yes.")
    words = f"<@BOT>  please  ask <@{here.bob.id}> & <https://example.com|the site> about *{'long ' * 80}*"
    ts = await here.slack.say(here.general, here.alice, words)
    await shows(here, ts, "active")
    title = str(here.slack.workspace.sessions[here.general.id, ts]["title"])
    assert title.startswith("please ask @Bob Jones") or title.startswith("please ask @someone")
    assert "& the site" in title
    assert len(title) <= 60
    assert title.endswith("…")
    await here.slack.say(here.general, here.alice, "and now something else", thread_ts=ts)
    await here.quiet()
    assert here.slack.workspace.sessions[here.general.id, ts]["title"] == title


async def test_in_private_mode_it_has_no_name_but_in_a_direct_message(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        (here.bot.home / "bot.toml").write_text('[agent]\nprivacy = "private"\n')
        await here.bot.start()
        here.model.respond = lambda request: text("Yes.")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> what is the salary of Bob?")
        await shows(here, ts, "active")
        assert here.slack.workspace.sessions[here.general.id, ts]["title"] == ""
        dm = here.slack.open_dm(here.alice)
        ts = await here.slack.say(dm, here.alice, "what is my salary?")
        await shows(here, ts, "active", dm)
        assert here.slack.workspace.sessions[dm.id, ts]["title"] == "what is my salary?"


async def test_forty_turns_at_once_stay_within_slacks_limits(here: World) -> None:
    here.slack.enforce_rate_limits(True)
    here.model.respond = lambda request: text("Yes.")
    channels = [here.slack.add_channel(f"team-{number}", members=[here.alice]) for number in range(40)]
    places = [(channel, await here.slack.say(channel, here.alice, "<@BOT> hello")) for channel in channels]
    for channel, ts in places:
        await here.reply(ts, "Yes.", channel)
    assert any(status(here, ts, channel) for channel, ts in places)
    ended = {"", "active"}
    await here.until(lambda: {status(here, ts, channel) for channel, ts in places} <= ended, 2, "true statuses")
    assert [each for each in here.slack.calls if each.status == 429] == []
    assert len(made(here)) <= 10


# --- which manifest


@pytest.mark.parametrize("manifest", ["manifest.yml", "manifest-plain.yml"])
async def test_the_bot_works_with_either_manifest_and_finds_out_which_it_is(tmp_path: Path, manifest: str) -> None:
    async with inside(tmp_path, start=False) as here:
        is_agent = manifest == "manifest.yml"
        here.slack.install(yaml.safe_load((ROOT / manifest).read_text()))
        await here.bot.start()
        ts, card = await waiting(here)
        if is_agent:
            await shows(here, ts, "suspended")
        await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(ts, "Written.")
        dm = here.slack.open_dm(here.alice)
        here.model.script(text("Hello."))
        await here.slack.open_home(here.alice, "messages")
        ts = await here.slack.say(dm, here.alice, "hello")
        await here.reply(ts, "Hello.", dm)
        await here.slack.open_home(here.alice)
        await here.until(lambda: here.slack.home(here.alice), what="the Home")
        await here.quiet()
        if is_agent:
            await shows(here, ts, "active", dm)
            await here.until(lambda: here.slack.workspace.prompts.get(dm.id), what="prompts")
        else:
            assert [each.method for each in here.slack.calls if each.method.startswith(("agents", "assistant"))] == []
        kind = "is declared" if is_agent else "is not declared"
        assert here.bot.log.count(f"the Slack app {kind} an agent") == 1
        assert here.slack.rejected == []


async def test_an_app_that_stops_being_an_agent_leaves_nothing_to_be_said(here: World) -> None:
    assert isinstance(here.bot, BotInside)
    here.slack.faults.add("agents.sessions.setStatus", "ratelimited", times=None, retry_after=60)
    ts, _ = await waiting(here)
    await here.quiet()
    assert here.bot.rows("SELECT count(*) FROM posts WHERE kind = 'session'") == [(1,)]
    await here.bot.stop()
    here.slack.scopes.discard("assistant:write")
    await here.bot.start()
    assert here.bot.rows("SELECT count(*) FROM posts WHERE kind = 'session'") == [(0,)]
    assert here.open_approvals(ts) == 1


# --- Stop


async def test_stop_during_a_request_to_the_model_aborts_it(here: World) -> None:
    ts, ends = await processing(here)
    await here.slack.press_stop(here.general, ts, here.alice)
    await here.reply(ts, STOPPED)
    ends.set()
    await shows(here, ts, "active")
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert not any("The answer." in reply.plain for reply in here.replies(ts))
    assert here.bot.rows("SELECT actor FROM audit WHERE kind = 'stopped'") == [(here.alice.id,)]
    with pytest.raises(ImpossibleAction):
        await here.slack.press_stop(here.general, ts, here.alice)


async def test_stop_while_a_person_is_waited_for_closes_what_is_asked(here: World) -> None:
    ts, _ = await waiting(here)
    await pressed(here, ts, here.alice)
    await here.reply(ts, STOPPED)
    await shows(here, ts, "active")
    assert here.bot.rows("SELECT decision FROM questions") == [("stopped",)]
    assert not (here.workspace / "a.txt").exists()


async def test_stop_before_the_turn_has_opened_withdraws_the_request(here: World) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: object) -> None:
        reading.set()
        await go_on.wait()

    here.slack.on_call("conversations.replies", slowly)
    root = await here.slack.say(here.general, here.bob, "let us talk about the release")
    await here.slack.say(here.general, here.alice, "<@BOT> write the notes", thread_ts=root)
    await asyncio.wait_for(reading.wait(), 10)
    await shows(here, root, "processing")
    await here.slack.press_stop(here.general, root, here.alice)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM audit WHERE kind = 'stopped'"), poll=0.01)
    go_on.set()
    await here.reply(root, STOPPED)
    await shows(here, root, "active")
    await here.quiet()
    assert here.model.requests == []
    assert outcomes(here) == ["stopped"]
    here.model.script(text("Here I am."))
    await here.slack.say(here.general, here.alice, "<@BOT> are you there?", thread_ts=root)
    await here.reply(root, "Here I am.")
    said = str(here.model.requests[-1].messages)
    assert "Alice Smith (this was stopped before you read it; not a request): write the notes" in said


@pytest.mark.parametrize("act", ["press", "word"])
@pytest.mark.parametrize("is_open", [False, True])
async def test_the_model_reads_of_what_an_approver_has_stopped_nothing_that_its_author_did_not_do(
    tmp_path: Path, act: str, *, is_open: bool
) -> None:
    async with inside(tmp_path, start=False) as here:
        (here.bot.home / "bot.toml").write_text(f'[approvals]\napprovers = ["requester", "{here.bob.id}"]\n')
        await here.bot.start()
        reading, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(_: object) -> None:
            reading.set()
            await go_on.wait()

        if is_open:
            root, _ = await waiting(here)
            await shows(here, root, "suspended")
        else:
            here.slack.on_call("conversations.replies", slowly)
            root = await here.slack.say(here.general, here.bob, "let us talk about the release")
        await here.slack.say(here.general, here.alice, "<@BOT> write the notes", thread_ts=root)
        if is_open:
            await here.reply(root, "I'm waiting for the decision above")
        else:
            await asyncio.wait_for(reading.wait(), 10)
            await shows(here, root, "processing")
        if act == "word":
            await here.slack.say(here.general, here.bob, "stop", thread_ts=root)
        elif is_open:
            await pressed(here, root, here.bob)
        else:
            await here.slack.press_stop(here.general, root, here.bob)
        await here.until(lambda: here.bot.rows("SELECT 1 FROM audit WHERE kind = 'stopped'"), poll=0.01)
        go_on.set()
        await here.reply(root, "Stopped by Bob Jones")
        await here.quiet()
        assert outcomes(here) == ["stopped"]
        here.model.reset()
        here.model.script(text("Here I am."))
        await here.slack.say(here.general, here.alice, "<@BOT> are you there?", thread_ts=root)
        await here.reply(root, "Here I am.")
        said = str(here.model.requests[-1].messages)
        assert "Alice Smith (this was stopped before you read it; not a request): write the notes" in said
        assert "Alice Smith (who" not in said
        assert ("Bob Jones (who stopped you with this): stop" in said) == (act == "word")


@pytest.mark.parametrize("stage", ["thinking", "waiting"])
async def test_somebody_else_stops_nothing_and_is_told_so_once(here: World, stage: str) -> None:
    ends = asyncio.Event()
    if stage == "thinking":
        ts, ends = await processing(here)
        await here.slack.press_stop(here.general, ts, here.bob)
    else:
        ts, _ = await waiting(here)
        await shows(here, ts, "suspended")
        await pressed(here, ts, here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to Bob")
    expected = ["processing", "processing"] if stage == "thinking" else ["processing", "suspended", "suspended"]
    await here.until(lambda: [each.args["status"] for each in made(here)] == expected, what="the status once more")
    [event] = {sent.event_id for sent in here.slack.envelopes if "session_stopped" in str(sent.payload)}
    await here.slack.redeliver(str(event), 2)
    await here.until(lambda: all(sent.acked_at for sent in here.slack.envelopes))
    [told] = here.slack.ephemerals(here.bob)
    assert f"Only <@{here.alice.id}> or an approver can stop this." in told.text
    assert outcomes(here) == []
    assert here.bot.rows("SELECT count(*) FROM audit WHERE kind = 'stopped'") == [(0,)]
    if stage == "thinking":
        ends.set()
        await here.reply(ts, "The answer.")


async def test_a_named_approver_stops_what_others_have_asked_for(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        outside = here.slack.add_outside_team()
        dana = here.slack.add_person("Dana", team_id=outside)
        here.slack.workspace.join(here.general, dana)
        named = f'approvers = ["requester", "{here.bob.id}", "{dana.id}"]'
        (here.bot.home / "bot.toml").write_text(f"[approvals]\n{named}\n")
        await here.bot.start()
        ts, ends = await processing(here)
        await here.slack.press_stop(here.general, ts, dana)
        await here.until(lambda: here.slack.ephemerals(dana), what="a word to Dana")
        assert outcomes(here) == []
        await here.slack.press_stop(here.general, ts, here.bob)
        await here.reply(ts, "Stopped by Bob Jones")
        await shows(here, ts, "active")
        ends.set()
        await here.quiet()
        assert outcomes(here) == ["stopped"]


async def test_a_stop_that_is_delivered_again_and_late_stops_no_later_turn(here: World) -> None:
    ts, ends = await processing(here)
    await here.slack.press_stop(here.general, ts, here.alice)
    await here.reply(ts, STOPPED)
    ends.set()
    await shows(here, ts, "active")
    here.model.reset()
    here.model.script(write(here, "b.txt"))
    await here.slack.say(here.general, here.alice, "write b", thread_ts=ts)
    await here.until(lambda: here.open_approvals(ts), poll=0.01)
    await shows(here, ts, "suspended")
    before = len(made(here))
    [event] = {sent.event_id for sent in here.slack.envelopes if "session_stopped" in str(sent.payload)}
    await here.slack.redeliver(str(event), 3)
    await here.until(lambda: all(sent.acked_at for sent in here.slack.envelopes))
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert here.open_approvals(ts) == 1
    assert len(made(here)) == before
    assert here.bot.rows("SELECT count(*) FROM audit WHERE kind = 'stopped'") == [(1,)]


async def test_after_the_answer_and_in_threads_that_are_unknown_it_does_nothing(here: World) -> None:
    here.model.script(text("Done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await shows(here, ts, "active")
    elsewhere = await here.slack.say(here.general, here.alice, "nothing for the bot")
    messages, before = len(here.slack.all_messages()), len(here.slack.calls)
    for thread_ts in (ts, elsewhere, "1.000001"):
        await pressed(here, thread_ts, here.alice)
        await pressed(here, thread_ts, here.bob)
    await here.quiet()
    assert len(here.slack.calls) == before
    assert len(here.slack.all_messages()) == messages


def foreign_team(payload: Json, here: World) -> None:
    payload["authorizations"] = [{"team_id": "TOTHER", "enterprise_id": None, "user_id": "UOTHER"}]


def foreign_user(payload: Json, here: World) -> None:
    payload["event"]["user"] = "UNOBODY"


def without(name: str) -> Callable[[Json, World], None]:
    def change(payload: Json, here: World) -> None:
        del payload["event"][name]

    return change


def set_to(name: str, value: object) -> Callable[[Json, World], None]:
    def change(payload: Json, here: World) -> None:
        payload["event"][name] = value

    return change


FORGED = {
    "another installation": foreign_team,
    "nobody": foreign_user,
    "our own bot": lambda payload, here: payload["event"].update(user=here.slack.bot_user_id),
    "no user": without("user"),
    "no channel": without("channel"),
    "no thread": without("thread_ts"),
    "no time": without("event_ts"),
    "a long time ago": set_to("event_ts", "1.000001"),
    "no id": set_to("user", "U1; DROP TABLE turns"),
    "an object": set_to("thread_ts", {"ts": "1.1"}),
    "a list": set_to("channel", ["C1"]),
    "a number": set_to("user", 7),
    "a channel object": set_to("channel", {"id": "C1"}),
    "an enormous thread": set_to("thread_ts", "9" * 10_000),
}


@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_stop_stops_nothing(here: World, what: str) -> None:
    ts, ends = await processing(here)
    event: Json = {"type": "agent_session_stopped", "user": here.alice.id, "channel": here.general.id, "thread_ts": ts}
    event.update(streaming_message_ts=[], event_ts=here.slack.clock.ts())
    payload = here.slack.events.wrap(event, here.general)
    FORGED[what](payload, here)
    envelope = await here.slack.deliver(payload)
    await here.until(lambda: envelope.acked_at, what="the acknowledgement")
    ends.set()
    await here.reply(ts, "The answer.")
    await here.quiet()
    assert outcomes(here) == ["answered"]
    here.slack.rejected.clear()  # a word to nobody


# --- what one may ask


async def test_prompts_that_follow_from_the_tools_are_offered_once_in_a_direct_message(here: World) -> None:
    dm = here.slack.open_dm(here.alice)
    await here.until(lambda: len(here.bot.log.split("is up with")) > 1, poll=0.01, what="the tools")
    for _ in range(3):
        await here.slack.open_home(here.alice, "messages")
    await here.until(lambda: here.slack.workspace.prompts.get(dm.id), what="prompts")
    await here.quiet()
    [offered] = made(here, "assistant.threads.setSuggestedPrompts")
    assert "thread_ts" not in offered.args
    prompts = here.slack.workspace.prompts[dm.id]["prompts"]
    assert 2 <= len(prompts) <= 4
    assert prompts[0]["message"] == "List the files"
    assert made(here, "views.publish") == []
    await here.slack.open_home(here.alice)
    await here.until(lambda: made(here, "views.publish"), what="the Home")
