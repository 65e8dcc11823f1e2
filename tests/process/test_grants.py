"""Standing grants: what they cover and what they do not, how they end, and who may end them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message, Person, View
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World, processes
from tests.inprocess.fixtures import Opens, Worlds, some
from tests.inprocess.world import inside
from tests.process.turns import OBEY, Turn, begin, define, ran, servers

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

WRITE = "filesystem__write_file"
UNDER = "allowed by Alice Smith"


@asynccontextmanager
async def stage(opens: Opens, home: Path) -> AsyncGenerator[World]:
    """A bot with a server that nobody trusts."""
    servers(home, OBEY)
    async with opens(home) as this:
        yield this


@pytest.fixture
async def running(worlds: Worlds) -> World:
    return await worlds.of(stage)


async def write(here: World, path: Path | str, content: str = "text", **more: Any) -> Turn:
    """A turn in which the model wants to write a file."""
    return await begin(here, WRITE, {"path": str(path), "content": content}, **more)


async def home_of(here: World, person: Person) -> View:
    """Open the Home and wait until it is drawn."""
    drawn = [call for call in here.slack.calls if call.method == "views.publish"]
    await here.slack.open_home(person)

    def published() -> View | None:
        after = [call for call in here.slack.calls if call.method == "views.publish" and call not in drawn]
        return (
            here.slack.home(person)
            if any(call.args["user_id"] == person.id and call.status for call in after)
            else None
        )

    view = await here.until(published, what="the Home")
    assert view is not None
    return view


def buttons(view: View) -> list[dict[str, Any]]:
    return [element for block in view.blocks if block["type"] == "actions" for element in block["elements"]]


@pytest.mark.across
async def test_a_grant_lets_the_next_call_run_without_a_card_and_the_thread_is_told_under_what(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt", "first")
    await turn.always("any")
    assert (here.workspace / "a.txt").read_text() == "first"
    assert any(f"<@{here.alice.id}> approved" in reply.plain for reply in turn.said())
    assert all(UNDER not in reply.plain for reply in turn.said())

    again = await write(here, here.workspace / "b.txt", "second", thread_ts=turn.ts)
    summary = await again.ran_unasked()
    assert summary.startswith("Wrote "), "what was done"
    assert f"{here.workspace.name}/b.txt +1 · " in summary
    assert UNDER in summary
    assert str(here.workspace) not in summary, "no path of the machine"
    record = again.said()[-1]
    assert buttons_of(record) == ["Diff", "Undo", "Revoke"]
    assert again.end in record.plain, "the turn is one message"
    assert (here.workspace / "b.txt").read_text() == "second"


async def test_nothing_is_granted_by_opening_the_window_or_closing_it(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    window = await turn.window("Always…", await turn.asked())
    assert "You can revoke it at any time" in window.plain
    await here.slack.close_modal(here.alice, window)
    await turn.denied()
    again = await write(here, here.workspace / "a.txt", thread_ts=turn.ts)
    await again.denied()
    assert not (here.workspace / "a.txt").exists()


async def test_somebody_else_can_neither_open_the_window_nor_send_it(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    card = await turn.asked()
    await here.slack.click(card, "Always…", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to Bob")
    assert f"Only <@{here.alice.id}>" in here.slack.ephemerals(here.bob)[0].plain
    assert here.slack.modals(here.bob) == []

    window = await turn.window("Always…", card)
    forged = here.slack.workspace.push_view(here.bob.id, {key: window.data[key] for key in KEPT})
    await here.slack.submit(here.bob, forged, ANY)
    assert here.bot.rows("SELECT count(*) FROM grants WHERE user = ?", here.bob.id) == [(0,)]
    assert here.open_approvals(turn.ts) == 1
    await turn.denied()
    assert not (here.workspace / "a.txt").exists()


KEPT = ("type", "title", "blocks", "submit", "close", "callback_id", "private_metadata")


def buttons_of(message: Message) -> list[str]:
    """The buttons that people have on what was done."""
    return [each for each in message.buttons if each in ("Diff", "Details", "Undo", "Revoke")]


ANY = {"time": {"value": "mine:86400"}, "scope": {"value": "any"}}


async def test_a_window_that_is_sent_after_the_request_was_decided_grants_nothing(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    window = await turn.window("Always…", await turn.asked())
    await turn.denied()
    ack = await here.slack.submit(here.alice, window, ANY)
    assert ack is not None
    assert ack["response_action"] == "update"
    assert "already denied" in window.plain
    assert here.bot.rows("SELECT count(*) FROM grants WHERE user = ?", here.alice.id) == [(0,)]
    await (await write(here, here.workspace / "b.txt", thread_ts=turn.ts)).denied()
    assert list(here.workspace.iterdir()) == []


async def test_a_window_that_was_opened_for_another_definition_of_the_tool_grants_nothing(here: World) -> None:
    before = ran(here.bot.home)
    turn = await begin(here, "shifting__obey", {"words": "one"})
    window = await turn.window("Always…", await turn.asked())
    await redefine(here, OTHERS["description"])
    await here.slack.submit(here.alice, window, ANY)
    assert "Nothing" in window.plain or "nothing" in window.plain
    assert here.bot.rows("SELECT count(*) FROM grants WHERE user = ?", here.alice.id) == [(0,)]
    assert here.open_approvals(turn.ts) == 1
    await redefine(here, OBEY)
    await turn.denied()
    assert ran(here.bot.home) == before


async def test_a_grant_for_a_thread_holds_in_that_thread_alone(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any", where="thread")
    other = await write(here, here.workspace / "b.txt")
    await other.denied()
    assert not (here.workspace / "b.txt").exists()
    await (await write(here, here.workspace / "c.txt", thread_ts=turn.ts)).ran_unasked()


async def test_a_grant_for_everywhere_holds_in_other_threads_and_channels(here: World) -> None:
    await (await write(here, here.workspace / "a.txt")).always("any", where="mine")
    await (await write(here, here.workspace / "b.txt")).ran_unasked()
    steps = await (await write(here, here.workspace / "c.txt", channel=here.slack.open_dm(here.alice))).ran_unasked()
    assert UNDER in steps
    assert (here.workspace / "c.txt").exists()


@pytest.mark.parametrize("where", ["thread", "mine"])
async def test_the_turn_of_somebody_else_is_not_covered(here: World, where: str) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any", where=where)
    bobs = await write(here, here.workspace / "b.txt", by=here.bob, thread_ts=turn.ts)
    card = await bobs.asked()
    assert f"waiting for <@{here.bob.id}>" in card.plain
    await here.slack.click(card, "Approve", by=here.alice)
    await here.until(lambda: here.slack.ephemerals(here.alice), what="a word to Alice")
    await bobs.denied()
    assert not (here.workspace / "b.txt").exists()
    await (await write(here, here.workspace / "c.txt", thread_ts=turn.ts)).ran_unasked()


async def test_what_an_approver_grants_covers_the_thread_or_what_the_approver_asks_for(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        carol = here.slack.add_person("Carol King")
        (tmp_path / "bot.toml").write_text(f'[approvals]\napprovers = ["requester", "{carol.id}"]\n')
        await here.bot.start()
        await here.ready()
        turn = await write(here, here.workspace / "a.txt")
        await turn.always("any", where="thread", by=carol)
        await (await write(here, here.workspace / "b.txt", thread_ts=turn.ts)).ran_unasked()
        await (await write(here, here.workspace / "c.txt")).denied()

        await (await write(here, here.workspace / "d.txt")).always("any", where="mine", by=carol)
        await (await write(here, here.workspace / "e.txt")).denied()
        await (await write(here, here.workspace / "f.txt", by=carol)).ran_unasked()
        assert sorted(path.name for path in here.workspace.iterdir()) == [f"{letter}.txt" for letter in "abdf"]


async def test_another_tool_is_not_covered(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any")
    source, destination = here.workspace / "a.txt", here.workspace / "b.txt"
    moved = {"source": str(source), "destination": str(destination)}
    await (await begin(here, "filesystem__move_file", moved, thread_ts=turn.ts)).denied()
    assert source.exists()


async def test_a_grant_for_a_folder_covers_what_really_lies_in_it(here: World) -> None:
    notes = here.workspace / "notes"
    (notes / "deep").mkdir(parents=True)
    (here.workspace / "far" / "away").mkdir(parents=True)
    (notes / "out").symlink_to(here.workspace / "far" / "away")
    await (await write(here, notes / "a.txt")).always("folder:0", where="mine")
    inside = [
        notes / "b.txt",
        notes / "deep" / "c.txt",
        f"{notes}/../notes/d.txt",
        f"{notes}/./deep//e.txt",
        f"{here.workspace.name}/notes/f.txt",
        # The server takes `..` off the name, not off what the link leads to.
        f"{notes}/out/../g.txt",
    ]
    for path in inside:
        await (await write(here, path)).ran_unasked()
    assert sorted(path.name for path in notes.rglob("*.txt")) == [f"{letter}.txt" for letter in "abcdefg"]
    assert list((here.workspace / "far").rglob("*.txt")) == []


async def test_a_grant_for_a_folder_covers_nothing_that_only_looks_like_it(here: World) -> None:
    root = here.workspace
    notes = root / "notes"
    # A Cyrillic o, full-width letters, another case, the same beginning: other folders all of them.
    others = [root / name for name in ("n\u043etes", "\uff4eotes", "Notes", "notes-evil", "outside")]
    for folder in (notes, *others):
        folder.mkdir()
    outside = others[-1]
    (outside / "there.txt").write_text("before")
    (notes / "out").symlink_to(outside)
    (notes / "alias.txt").symlink_to(outside / "there.txt")
    await (await write(here, notes / "a.txt")).always("folder:0", where="mine")
    paths = [
        *(str(folder / "a.txt") for folder in others),
        f"{notes}/../outside/a.txt",
        f"{notes}/out/a.txt",
        f"{notes}/out/../../a.txt",
        str(notes / "alias.txt"),
        str(root / "a.txt"),
        f"{notes}/../a.txt",
    ]
    for path in paths:
        await (await write(here, path, "after")).denied()
    assert [path for folder in others for path in folder.iterdir()] == [outside / "there.txt"]
    assert (outside / "there.txt").read_text() == "before"
    assert sorted(path.name for path in root.iterdir() if path.is_file()) == []
    # The grant holds all the while.
    await (await write(here, notes / "b.txt")).ran_unasked()


async def test_a_grant_for_a_folder_covers_a_move_only_when_both_ends_lie_in_it(here: World) -> None:
    notes = here.workspace / "notes"
    notes.mkdir()
    for name in ("a.txt", "c.txt"):
        (notes / name).write_text(name)

    async def move(source: Path, destination: Path) -> Turn:
        moved = {"source": str(source), "destination": str(destination)}
        return await begin(here, "filesystem__move_file", moved)

    await (await move(notes / "a.txt", notes / "b.txt")).always("folder:0", where="mine")
    await (await move(notes / "c.txt", here.workspace / "c.txt")).denied()
    (here.workspace / "in.txt").write_text("in")
    await (await move(here.workspace / "in.txt", notes / "in.txt")).denied()
    await (await move(notes / "c.txt", notes / "d.txt")).ran_unasked()
    assert sorted(path.name for path in notes.iterdir()) == ["b.txt", "d.txt"]


async def test_a_grant_for_exactly_these_arguments_covers_no_others(here: World) -> None:
    first = await begin(here, "shifting__obey", {"words": "one", "end": "p"})
    assert "folder" not in (await first.window("Always…", await first.asked())).plain.lower()
    await first.always("same")
    for arguments in ({"words": "two", "end": "p"}, {"words": "one"}, {"words": "one", "end": "p", "path": ""}):
        await (await begin(here, "shifting__obey", arguments, thread_ts=first.ts)).denied()
    # The same ones in another order are the same.
    again = await begin(here, "shifting__obey", {"end": "p", "words": "one"}, thread_ts=first.ts)
    assert UNDER in await again.ran_unasked()
    assert ran(here.bot.home)[-2:] == [{"end": "p", "words": "one"}] * 2


OTHERS: dict[str, dict[str, Any]] = {
    "description": {**OBEY, "description": "Do as the arguments say, and tell the world."},
    "schema": {**OBEY, "inputSchema": {**OBEY["inputSchema"], "required": ["words"]}},
    "annotations": {**OBEY, "annotations": {"readOnlyHint": True, "destructiveHint": True}},
}


async def redefine(here: World, definition: dict[str, Any]) -> None:
    """The untrusted server changes the definition of its tool, and the bot has read it."""
    words = "the tool server shifting has changed its tools"
    times = here.bot.log.count(words)
    define(here.bot.home, definition)
    [number] = processes(f"shifting.py {here.bot.home}")
    os.kill(number, signal.SIGUSR1)
    await here.until(lambda: here.bot.log.count(words) > times, what="the new definition", poll=0.02)


@pytest.mark.parametrize("part", some(OTHERS, across=["schema"]))
async def test_a_tool_that_changes_asks_again_with_a_word_on_why_and_its_grant_is_gone(here: World, part: str) -> None:
    await (await begin(here, "shifting__obey", {"words": "one"})).always("any", where="mine")
    await (await begin(here, "shifting__obey", {"words": "two"})).ran_unasked()
    assert "“Obey”" in (await home_of(here, here.alice)).plain
    count = len(ran(here.bot.home))

    await redefine(here, OTHERS[part])
    turn = await begin(here, "shifting__obey", {"words": "three"})
    card = await turn.asked()
    assert "no longer holds: the tool's definition has changed" in card.plain
    await turn.denied()
    assert "“Obey”" not in (await home_of(here, here.alice)).plain
    assert len(ran(here.bot.home)) == count

    # It is gone for good, also when the old definition comes back.
    await redefine(here, OBEY)
    turn = await begin(here, "shifting__obey", {"words": "four"})
    assert "no longer holds" not in (await turn.asked()).plain
    await turn.denied()
    assert len(ran(here.bot.home)) == count


async def test_the_home_does_not_list_a_grant_whose_tool_has_changed_and_it_is_gone_for_good(here: World) -> None:
    await (await begin(here, "shifting__obey", {"words": "one"})).always("any", where="mine")
    await redefine(here, OTHERS["description"])
    assert "“Obey”" not in (await home_of(here, here.alice)).plain
    await redefine(here, OBEY)
    await (await begin(here, "shifting__obey", {"words": "two"})).denied()


async def test_a_grant_ends_when_its_time_is_over(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any", where="mine")
    [(until,)] = here.bot.rows("SELECT expires_at FROM grants WHERE user = ?", here.alice.id)
    assert 86_000 < until - time.time() < 86_401
    await (await write(here, here.workspace / "b.txt")).ran_unasked()

    connection = sqlite3.connect(here.bot.database, timeout=10)
    with connection:
        connection.execute("UPDATE grants SET expires_at = ? WHERE user = ?", (time.time() - 1, here.alice.id))
    connection.close()
    await (await write(here, here.workspace / "c.txt")).denied()
    assert not (here.workspace / "c.txt").exists()
    assert "There are none" in (await home_of(here, here.alice)).plain


async def test_no_grant_is_given_for_longer_than_the_configuration_allows(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[approvals]\ngrant_days = 0.00002\n")
    async with inside(tmp_path) as here:
        turn = await write(here, here.workspace / "a.txt")
        await turn.always("any", where="mine")
        [(created, until)] = here.bot.rows("SELECT created_at, expires_at FROM grants")
        assert until - created < 2
        await here.until(lambda: time.time() > until, what="the end of the grant", poll=0.05)
        await (await write(here, here.workspace / "b.txt")).denied()
        assert not (here.workspace / "b.txt").exists()


@pytest.mark.across
async def test_the_home_lists_grants_with_their_scope_and_revoke_ends_them(here: World) -> None:
    assert "There are none" in (await home_of(here, here.alice)).plain
    notes = here.workspace / "notes"
    notes.mkdir()
    kept = await write(here, notes / "a.txt")
    await kept.always("folder:0", where="thread")
    ended = await begin(here, "shifting__obey", {"words": "one"})
    await ended.always("same", where="mine")

    view = await home_of(here, here.alice)
    for words in ("Allowed: writing files in ", "/notes/", f"<#{here.general.id}>"):
        assert words in view.plain
    for words in ("“Obey”", 'exactly this, unchanged: {"words":"one"}', "everywhere"):
        assert words in view.plain
    assert str(here.workspace) not in view.plain, "no path of the machine"
    assert [button["text"]["text"] for button in buttons(view)] == ["Revoke", "Revoke"]
    assert "There are none" in (await home_of(here, here.bob)).plain

    # The newest stands first.
    await here.slack.click(view, "Revoke", by=here.alice)
    await here.until(lambda: "“Obey”" not in view_of(here, here.alice), what="the Home without the grant")
    assert "writing files" in view_of(here, here.alice)
    await (await begin(here, "shifting__obey", {"words": "one"})).denied()
    await (await write(here, notes / "b.txt", thread_ts=kept.ts)).ran_unasked()

    await here.slack.click(await home_of(here, here.alice), "Revoke", by=here.alice)
    await here.until(lambda: "There are none" in view_of(here, here.alice), what="an empty list")
    await (await write(here, notes / "c.txt", thread_ts=kept.ts)).denied()
    assert here.bot.rows("SELECT DISTINCT ended, ended_by FROM grants WHERE user = ?", here.alice.id) == [
        ("revoked", here.alice.id)
    ]


def view_of(here: World, person: Person) -> str:
    view = here.slack.home(person)
    return "" if view is None else view.plain


async def test_a_revocation_that_somebody_else_forges_does_nothing(here: World) -> None:
    await (await write(here, here.workspace / "a.txt")).always("any", where="mine")
    [(grant,)] = here.bot.rows("SELECT id FROM grants WHERE user = ? AND ended = ''", here.alice.id)
    hers = await home_of(here, here.alice)
    his = await home_of(here, here.bob)
    values: list[Any] = [
        {"g": grant},
        {"g": str(grant)},
        {"g": True},
        {"g": -1},
        {"g": grant, "u": here.alice.id},
        [],
        1,
    ]
    for value in (*map(json.dumps, values), "", "{"):
        action = {
            **buttons(hers)[0],
            "type": "button",
            "block_id": f"grant-{grant}",
            "value": value,
            "action_ts": "1.0",
        }
        payload = {
            "type": "block_actions",
            "team": {"id": here.slack.team_id, "domain": "x"},
            "user": {"id": here.bob.id, "team_id": here.slack.team_id},
            "container": {"type": "view", "view_id": hers.id},
            "view": his.data,
            "trigger_id": "1.2.3",
            "actions": [action],
        }
        assert await here.slack.click_raw(payload, action, by=here.bob) == {}
    assert here.bot.rows("SELECT ended FROM grants WHERE id = ?", grant) == [("",)]
    await (await write(here, here.workspace / "b.txt")).ran_unasked()


@pytest.mark.across
async def test_a_grant_holds_over_a_restart(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("folder:0", where="thread")
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    again = await write(here, here.workspace / "b.txt", thread_ts=turn.ts)
    assert UNDER in await again.ran_unasked()
    assert "writing files" in (await home_of(here, here.alice)).plain


async def test_a_grant_counts_no_longer_when_the_configuration_takes_grants_away(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        await (await write(here, here.workspace / "a.txt")).always("any", where="mine")
        await here.bot.stop()
        (tmp_path / "bot.toml").write_text("[approvals]\ngrants = false\n")
        await here.bot.start()
        await here.ready()
        turn = await write(here, here.workspace / "b.txt")
        assert "Always…" not in (await turn.asked()).buttons
        await turn.denied()
        assert not (here.workspace / "b.txt").exists()


async def test_the_grant_of_somebody_who_has_left_counts_no_longer(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any")
    # As Slack tells it from the next start on; while it runs the bot believes for a minute what it was told.
    await here.bot.stop()
    here.slack.faults.add(
        "users.info", "error", times=None, code="user_not_found", match=lambda args: args.get("user") == here.alice.id
    )
    await here.bot.start()
    await here.ready()
    again = await write(here, here.workspace / "b.txt", thread_ts=turn.ts)
    # Nor is anybody asked, since nobody is left who may approve it.
    await here.reply(again.ts, "nobody can approve it, since who asked is no active member")
    await here.quiet()
    assert not (here.workspace / "b.txt").exists()
    assert not here.open_approvals(again.ts)
    here.slack.faults.clear()


async def test_a_call_under_a_grant_is_undone_from_its_record(here: World) -> None:
    path = here.workspace / "b.txt"
    path.write_text("before")
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any")
    again = await write(here, path, "after", thread_ts=turn.ts)
    await again.ran_unasked()
    assert path.read_text() == "after"
    record = again.said()[-1]
    await here.slack.click(record, "Undo", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to Bob")
    assert path.read_text() == "after"
    await here.slack.click(record, "Undo", by=here.alice)
    await here.until(lambda: "undone by" in record.plain.replace("being undone", ""), what="the record")
    assert path.read_text() == "before"
    assert buttons_of(record) == ["Diff", "Revoke"]


async def test_a_grant_is_revoked_from_the_record_of_a_call_by_who_gave_it(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any")
    card = next(reply for reply in turn.said() if "Revoke" in reply.buttons)
    assert "Allowed from now on: writing every file ·\nin this thread · until " in card.plain
    again = await write(here, here.workspace / "b.txt", thread_ts=turn.ts)
    await again.ran_unasked()
    record = again.said()[-1]
    await here.slack.click(record, "Revoke", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to Bob")
    assert f"Only <@{here.alice.id}>, who allowed this, can revoke it" in here.slack.ephemerals(here.bob)[-1].plain
    await here.slack.click(record, "Revoke", by=here.alice)
    await here.until(lambda: "revoked" in record.plain, what="the record")
    await here.until(lambda: "revoked" in card.plain, what="the card with which it was given")
    assert buttons_of(record) == ["Diff", "Undo"]
    assert "Revoke" not in card.buttons
    await (await write(here, here.workspace / "c.txt", thread_ts=turn.ts)).denied()
    assert not (here.workspace / "c.txt").exists()


async def test_several_calls_under_a_grant_are_rows_of_one_message(here: World) -> None:
    turn = await write(here, here.workspace / "a.txt")
    await turn.always("any")
    before = len(turn.said())
    made = [call(WRITE, {"path": str(here.workspace / f"{number}.txt"), "content": "new"}) for number in range(3)]
    here.model.script(calls(*made), text("All three are there."))
    await here.slack.say(here.general, here.alice, "<@BOT> all three", thread_ts=turn.ts)
    again = replace(turn, end="All three are there.")
    rows = (await again.ran_unasked()).split("\n")
    assert [f"{number}.txt" in row for number, row in enumerate(sorted(rows))] == [True] * 3
    assert len(again.said()) == before + 1
    assert buttons_of(again.said()[-1]) == ["Diff", "Undo", "Revoke"] * 3


async def test_the_third_like_approval_suggests_a_grant_that_its_button_gives(here: World) -> None:
    notes = here.workspace / "notes"
    notes.mkdir()
    turn = await write(here, notes / "1.txt")
    await turn.approved()
    await (await write(here, here.workspace / "elsewhere.txt", thread_ts=turn.ts)).denied()
    for number in (2, 3):
        assert not suggesting(turn)
        await (await write(here, notes / f"{number}.txt", thread_ts=turn.ts)).approved()
    [card] = suggesting(turn)
    assert "notes/ 3 times. Allow this for a week? It would have covered exactly these 3" in card.plain
    assert "and not the one you denied." in card.plain
    assert str(here.workspace) not in card.plain
    await here.slack.click(card, "Allow for a week", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to Bob")
    assert here.bot.rows("SELECT count(*) FROM grants WHERE user IN (?, ?)", here.alice.id, here.bob.id) == [(0,)]
    await here.slack.click(card, "Allow for a week", by=here.alice)
    await here.until(lambda: "Allowed from now on: writing files in " in card.plain, what="the grant on the card")
    assert not suggesting(turn)
    again = await write(here, notes / "4.txt")
    assert UNDER in await again.ran_unasked()
    await (await write(here, here.workspace / "5.txt", thread_ts=turn.ts)).denied()


async def test_a_denial_in_the_folder_keeps_the_suggestion_away(here: World) -> None:
    notes = here.workspace / "notes"
    notes.mkdir()
    turn = await write(here, notes / "0.txt")
    await turn.denied()
    for number in (1, 2, 3):
        await (await write(here, notes / f"{number}.txt", thread_ts=turn.ts)).approved()
    assert not suggesting(turn)


def suggesting(turn: Turn) -> list[Message]:
    """The cards that suggest a grant."""
    return [reply for reply in turn.said() if "Allow for a week" in reply.buttons]
