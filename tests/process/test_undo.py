"""What a person has approved, a person can take back: bytes, modes and absences as they were, once, for a while."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import ROOT, World, world
from tests.inprocess.changing import turn
from tests.stamps import unstamped

pytestmark = pytest.mark.anyio

OF_THREAD = "call IN (SELECT c.id FROM calls c JOIN threads t ON t.id = c.thread_id WHERE t.thread_ts = ?)"
BINARY = bytes(range(256)) * 3
FREE = """
[[policy.rules]]
name = "free"
action = "allow"
tool = "write_file"
arguments.path.inside = ["free"]
"""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    home = tmp_path_factory.mktemp("bot")
    (home / "bot.toml").write_text(FREE)
    path = f"{ROOT / 'tests' / 'crash'}:{ROOT}"
    async with world(home, real_files=True, CRASH_LOG=str(home / "points"), PYTHONPATH=path) as this:
        this.bot.real_files = False  # once it was killed or stopped
        yield this


async def asked(here: World, tool: str, **arguments: Any) -> tuple[str, Message]:
    """Have the model want a call, and answer to whatever else; out: the thread and the card."""

    def respond(request: ChatRequest) -> Answer:
        if any(message["role"] == "tool" for message in request.messages):
            return text(f"Answer {sum(message['role'] == 'assistant' for message in request.messages)}.")
        return calls(call(f"filesystem__{tool}", arguments))

    here.model.respond = respond
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    return ts, await here.reply(ts, "Waiting for you")


async def done(here: World, tool: str, **arguments: Any) -> tuple[str, Message]:
    """Have a call made and approved; out: the thread and the record, which offers to undo it."""
    ts, card = await asked(here, tool, **arguments)
    await here.slack.click(card, "approval.approved", by=here.alice)
    await here.reply(ts, "Answer 1.")
    await here.until(lambda: "Undo" in card.buttons, what="the offer to undo")
    await here.quiet()
    return ts, card


async def undone(here: World, card: Message) -> None:
    """Press Undo, and wait until the record says that it was done, and by whom."""
    await here.slack.click(card, "Undo", by=here.alice)
    await here.until(lambda: f"undone by <@{here.alice.id}>" in card.plain, what="the record of the undo")
    assert "Undo" not in card.buttons


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a folder: modes, and what the files hold."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


Make = Callable[[Path], dict[str, Any]]


def a_new_file(folder: Path) -> dict[str, Any]:
    return {"path": str(folder / "new.txt"), "content": "new\n"}


def an_overwritten_file(folder: Path) -> dict[str, Any]:
    (folder / "a.txt").write_bytes(b"old\r\n without an end")
    (folder / "a.txt").chmod(0o640)
    return {"path": str(folder / "a.txt"), "content": "new\n"}


def overwritten_bytes(folder: Path) -> dict[str, Any]:
    (folder / "a.bin").write_bytes(BINARY)
    (folder / "a.bin").chmod(0o755)
    return {"path": str(folder / "a.bin"), "content": "no longer\n"}


def an_edited_file(folder: Path) -> dict[str, Any]:
    (folder / "a.txt").write_bytes(b"one\r\ntwo\r\nthree")
    (folder / "a.txt").chmod(0o600)
    return {"path": str(folder / "a.txt"), "edits": [{"oldText": "two", "newText": "2"}]}


def a_moved_file(folder: Path) -> dict[str, Any]:
    (folder / "a.txt").write_bytes(BINARY)
    (folder / "to").mkdir()
    return {"source": str(folder / "a.txt"), "destination": str(folder / "to" / "b.txt")}


def a_moved_folder(folder: Path) -> dict[str, Any]:
    (folder / "from").mkdir()
    (folder / "from" / "a.txt").write_text("inside")
    return {"source": str(folder / "from"), "destination": str(folder / "to")}


def nested_folders(folder: Path) -> dict[str, Any]:
    (folder / "there").mkdir()
    return {"path": str(folder / "there" / "new" / "deep")}


UNDONE: list[tuple[str, Make]] = [
    ("write_file", a_new_file),
    ("write_file", an_overwritten_file),
    ("write_file", overwritten_bytes),
    ("edit_file", an_edited_file),
    ("move_file", a_moved_file),
    ("move_file", a_moved_folder),
    ("create_directory", nested_folders),
]


@pytest.mark.parametrize(("tool", "make"), UNDONE, ids=[make.__name__ for _, make in UNDONE])
async def test_one_click_puts_everything_back_as_it_was(here: World, tool: str, make: Make) -> None:
    arguments = make(here.workspace)
    before = snapshot(here.workspace)
    ts, card = await done(here, tool, **arguments)
    after = snapshot(here.workspace)
    assert after != before
    assert "Undo" in card.buttons
    [(until,)] = here.bot.rows(f"SELECT until FROM undos WHERE {OF_THREAD}", ts)
    assert 59 * 60 < until - time.time() < 61 * 60

    await undone(here, card)
    assert snapshot(here.workspace) == before
    assert not {"Undo", "Approve"} & set(card.buttons)
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.reply(ts, "Answer 2.")
    await here.quiet()
    assert snapshot(here.workspace) == before
    [note, said] = here.model.requests[-1].messages[-2:]
    assert (note["role"], said["role"]) == ("user", "user")
    assert note["content"].startswith(f"(From the app: a person has undone your call of filesystem__{tool}: ")
    assert unstamped(said["content"]).endswith("and now?")
    assert here.bot.rows(f"SELECT state, length(content) FROM undos WHERE {OF_THREAD}", ts) == [("undone", 0)]


async def test_what_is_undone_while_the_turn_goes_on_is_told_to_the_model_in_its_place(here: World) -> None:
    first, second = (str(here.workspace / name) for name in ("one.txt", "two.txt"))
    here.model.script(
        calls(call("filesystem__write_file", {"path": first, "content": "1"})),
        calls(call("filesystem__write_file", {"path": second, "content": "2"})),
        text("Both."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    card = await here.reply(ts, "Waiting for you")
    await here.slack.click(card, "approval.approved", by=here.alice)

    def asks() -> list[Message]:
        return [reply for reply in here.replies(ts) if "Deny" in reply.buttons and reply.ts != card.ts]

    [following] = await here.until(asks, what="the second card")
    await here.until(lambda: "Undo" in card.buttons, what="the offer to undo")
    await undone(here, card)
    assert not Path(first).exists()
    await here.slack.click(following, "approval.approved", by=here.alice)
    await here.reply(ts, "Both.")
    await here.quiet()
    roles = [message["role"] for message in here.model.requests[2].messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "tool", "user"]
    assert "a person has undone" in here.model.requests[2].messages[-1]["content"]
    assert not Path(first).exists()
    assert Path(second).read_text() == "2"


def changed_file(folder: Path) -> None:
    (folder / "a.txt").write_text("somebody's work\n")


def another_mode(folder: Path) -> None:
    (folder / "a.txt").chmod(0o600)


def gone(folder: Path) -> None:
    (folder / "a.txt").unlink()


def swapped_for_a_link(folder: Path) -> None:
    (folder / "a.txt").rename(folder / "kept.txt")
    (folder / "a.txt").symlink_to("kept.txt")


def filled_folder(folder: Path) -> None:
    (folder / "there" / "new" / "deep" / "a.txt").write_text("somebody's work")


def taken_place(folder: Path) -> None:
    (folder / "a.txt").write_text("somebody's work")


REFUSED: list[tuple[str, Make, Callable[[Path], None], str]] = [
    ("write_file", an_overwritten_file, changed_file, "It has changed since, so I left it alone"),
    ("write_file", an_overwritten_file, another_mode, "It has changed since, so I left it alone"),
    ("edit_file", an_edited_file, gone, "It has changed since, so I left it alone"),
    ("edit_file", an_edited_file, swapped_for_a_link, "It has changed since, so I left it alone"),
    ("move_file", a_moved_file, taken_place, "It has changed since, so I left it alone"),
    ("create_directory", nested_folders, filled_folder, "is no longer empty, so I left it alone"),
]


@pytest.mark.parametrize(
    ("tool", "make", "change", "words"), REFUSED, ids=[change.__name__ for _, _, change, _ in REFUSED]
)
async def test_what_has_changed_since_is_left_alone_and_the_record_says_so(
    here: World, tool: str, make: Make, change: Callable[[Path], None], words: str
) -> None:
    ts, card = await done(here, tool, **make(here.workspace))
    change(here.workspace)
    before = snapshot(here.workspace)
    await here.slack.click(card, "Undo", by=here.alice)
    await here.until(lambda: "not undone" in card.plain, what="the refusal")
    assert words in card.plain
    assert not {"Undo", "Approve"} & set(card.buttons)
    assert snapshot(here.workspace) == before
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.reply(ts, "Answer 2.")
    assert "undone" not in json.dumps(here.model.requests[-1].messages)


async def test_somebody_else_cannot_take_back_what_was_approved(here: World) -> None:
    _, card = await done(here, "write_file", **a_new_file(here.workspace))
    outsider = here.slack.add_person("Olga Out", team_id="T0OTHER")
    here.general.members[outsider.id] = None
    for person in (here.bob, outsider):
        await here.slack.click(card, "Undo", by=person)
        await here.until(lambda person=person: here.slack.ephemerals(person), what="a word to them")
        words = f"Only <@{here.alice.id}>" if person is here.bob else "People of other organizations"
        assert words in here.slack.ephemerals(person)[0].plain
    await here.quiet()
    assert (here.workspace / "new.txt").read_text() == "new\n"
    assert "Undo" in card.buttons


async def test_two_clicks_at_once_take_it_back_once(here: World) -> None:
    ts, card = await done(here, "write_file", **an_overwritten_file(here.workspace))
    stale = card.snapshot()
    await asyncio.gather(*(here.slack.click_raw(stale, "Undo", by=here.alice) for _ in range(4)))
    await here.until(lambda: "undone by" in card.plain, what="the record of the undo")
    await here.until(lambda: here.slack.ephemerals(here.alice), what="a word to Alice")
    assert "can no longer be undone" in here.slack.ephemerals(here.alice)[0].plain
    await here.quiet()
    assert (here.workspace / "a.txt").read_bytes() == b"old\r\n without an end"
    # Whatever is written there afterwards stays: what was undone is not undone again.
    (here.workspace / "a.txt").write_text("new\n")
    await here.slack.click_raw(stale, "Undo", by=here.alice)
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "new\n"
    kinds = here.bot.rows(f"SELECT kind, actor FROM audit WHERE kind LIKE 'undo%' AND {OF_THREAD}", ts)
    assert kinds == [("undo", here.alice.id), ("undone", here.alice.id)]


@pytest.mark.parametrize("forgery", ["digest", "request", "message", "team", "channel"])
async def test_a_forged_undo_takes_nothing_back(here: World, forgery: str) -> None:
    here.expected_refusals.append("channel_not_found")
    ts, card = await done(here, "write_file", **a_new_file(here.workspace))
    [action, _] = [element for block in card.blocks if block["type"] == "actions" for element in block["elements"]]
    value = json.loads(action["value"])
    if forgery == "digest":
        value["d"] = "0" * 64
    if forgery == "request":
        value["a"] = "somebody-elses"
    body: dict[str, Any] = {
        "type": "block_actions",
        "team": {"id": "T0OTHER" if forgery == "team" else here.slack.team_id, "domain": "x"},
        "user": {"id": here.alice.id, "team_id": here.slack.team_id},
        "channel": {"id": "C0OTHER" if forgery == "channel" else here.general.id, "name": "general"},
        "container": {"type": "message", "message_ts": card.ts, "channel_id": here.general.id, "thread_ts": ts},
        "message": {"ts": "1.000001" if forgery == "message" else card.ts, "thread_ts": ts},
        "trigger_id": "1.2.3",
        "actions": [{**action, "value": json.dumps(value), "block_id": "b", "action_ts": "1.0"}],
    }
    envelope = await here.slack.deliver(body)
    await here.until(lambda: envelope.acked_at, what="the ack")
    await here.until(lambda: here.slack.ephemerals(here.alice) or here.slack.rejected, what="a word, or its refusal")
    await here.quiet()
    assert (here.workspace / "new.txt").exists()
    assert here.bot.rows(f"SELECT state FROM undos WHERE {OF_THREAD}", ts) == [("offered",)]


async def test_a_denied_call_offers_nothing_to_undo(here: World) -> None:
    ts, card = await asked(here, "write_file", **a_new_file(here.workspace))
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "Answer 1.")
    await here.quiet()
    assert not {"Undo", "Approve"} & set(card.buttons)
    assert here.bot.rows(f"SELECT count(*) FROM undos WHERE {OF_THREAD}", ts) == [(0,)]


async def test_an_approved_call_that_failed_offers_nothing_to_undo(here: World) -> None:
    # To replace a file the server first writes another one with a longer name, and names end at 255 bytes.
    path = here.workspace / ("a" * 240)
    path.write_text("kept")
    ts, card = await asked(here, "write_file", path=str(path), content="new")
    await here.slack.click(card, "approval.approved", by=here.alice)
    await here.reply(ts, "Answer 1.")
    await here.quiet()
    assert "failed" in card.plain
    assert "Undo" not in card.buttons
    assert path.read_text() == "kept"
    assert here.bot.rows(f"SELECT state, length(content) FROM undos WHERE {OF_THREAD}", ts) == [("closed", 0)]


async def test_what_was_kept_of_a_call_that_was_not_run_in_the_end_is_thrown_away(here: World) -> None:
    ts, card = await asked(here, "write_file", **an_overwritten_file(here.workspace))
    (here.workspace / "a.txt").write_text("drifted")
    await here.slack.click(card, "approval.approved", by=here.alice)

    def asks() -> list[Message]:
        return [reply for reply in here.replies(ts) if "Deny" in reply.buttons and reply.ts != card.ts]

    [fresh] = await here.until(asks, what="a fresh card")
    await here.slack.click(fresh, "Deny", by=here.alice)
    await here.reply(ts, "Answer 1.")
    await here.quiet()
    # The sweep does it, which also runs at each start.
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    query = f"SELECT state, length(content) FROM undos WHERE {OF_THREAD}"
    await here.until(lambda: here.bot.rows(query, ts) == [("closed", 0)], poll=0.05, what="what was kept to go")
    assert "Undo" not in [*card.buttons, *fresh.buttons]


async def test_a_call_that_ran_without_a_card_offers_nothing_to_undo(here: World) -> None:
    folder = here.bot.home / "workspace" / "free"
    folder.mkdir()
    path = str(folder / "a.txt")
    here.model.script(calls(call("filesystem__write_file", {"path": path, "content": "x"})), text("Written."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    await here.reply(ts, "Written.")
    await here.quiet()
    assert (folder / "a.txt").read_text() == "x"
    assert [reply.buttons for reply in here.replies(ts) if reply.buttons] == []
    assert here.bot.rows(f"SELECT count(*) FROM undos WHERE {OF_THREAD}", ts) == [(0,)]


async def test_the_offer_outlives_a_restart(here: World) -> None:
    make = overwritten_bytes(here.workspace)
    before = snapshot(here.workspace)
    _, card = await done(here, "write_file", **make)
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await undone(here, card)
    assert snapshot(here.workspace) == before


@pytest.mark.parametrize("point", ["before undo#1", "after undo#1"])
async def test_an_undo_that_was_cut_off_is_done_once_after_the_restart(here: World, point: str) -> None:
    make = overwritten_bytes(here.workspace)
    before = snapshot(here.workspace)
    await here.bot.kill()
    await here.bot.start(CRASH_AT=point)
    await here.ready()
    ts, card = await done(here, "write_file", **make)
    click = asyncio.create_task(here.slack.click(card, "Undo", by=here.alice))
    await here.bot.ended()
    assert (snapshot(here.workspace) == before) == (point == "after undo#1")
    if point == "after undo#1":
        (here.workspace / "b.txt").write_text("meanwhile")
        before = snapshot(here.workspace)
    await here.bot.start(CRASH_AT="")
    await here.until(lambda: f"undone by <@{here.alice.id}>" in card.plain, what="the record of the undo")
    click.cancel()
    await here.quiet()
    assert snapshot(here.workspace) == before
    kinds = here.bot.rows(f"SELECT kind FROM audit WHERE kind LIKE 'undo%' AND {OF_THREAD}", ts)
    assert kinds == [("undo",), ("undone",)]
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.reply(ts, "Answer 2.")
    assert json.dumps(here.model.requests[-1].messages).count("a person has undone") == 1


@pytest.mark.parametrize("point", ["after commit: begin_undo#2", "after undo#2", "before commit: end_undo#3"])
async def test_all_of_a_turn_is_undone_once_though_the_process_dies_in_the_middle(here: World, point: str) -> None:
    (here.workspace / "a.txt").write_text("old")
    before = snapshot(here.workspace)
    await here.bot.kill()
    await here.bot.start(CRASH_AT=point)
    await here.ready()
    path = str(here.workspace / "a.txt")
    steps = [call("filesystem__write_file", {"path": path, "content": content}) for content in "xyz"]
    last = await turn(here, steps)
    click = asyncio.create_task(here.slack.click(last, "Undo all", by=here.alice))
    await here.bot.ended()
    await here.bot.start(CRASH_AT="")
    await here.until(lambda: "all undone by" in last.plain, what="the end of it")
    click.cancel()
    await here.quiet()
    assert snapshot(here.workspace) == before
    kinds = here.bot.rows(f"SELECT kind FROM audit WHERE kind LIKE 'undo%' AND {OF_THREAD}", last.thread_ts)
    assert kinds == [("undo",)] * 3 + [("undone",)] * 3


async def test_the_offer_ends_with_its_time_and_a_late_click_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[approvals]\nundo_minutes = 0.02\n")
    async with world(tmp_path) as here:
        ts, card = await done(here, "write_file", **a_new_file(here.workspace))
        stale = card.snapshot()
        [(until,)] = here.bot.rows(f"SELECT until FROM undos WHERE {OF_THREAD}", ts)
        await here.until(lambda: time.time() > until, poll=0.05, what="the end of the time")
        await here.slack.click(card, "Undo", by=here.alice)
        await here.until(lambda: here.slack.ephemerals(here.alice), what="a word to Alice")
        assert "the time for it is over" in here.slack.ephemerals(here.alice)[0].plain
        # The offer is withdrawn by the sweep, which also runs at each start.
        await here.bot.kill()
        await here.bot.start()
        await here.until(lambda: "Undo" not in card.buttons, what="the button to go")
        assert "can be undone" not in card.plain
        await here.slack.click_raw(stale, "Undo", by=here.alice)
        await here.until(lambda: len(here.slack.ephemerals(here.alice)) == 2, what="another word to Alice")
        assert "the time for it is over" in here.slack.ephemerals(here.alice)[1].plain
        await here.quiet()
        assert (here.workspace / "new.txt").read_text() == "new\n"
        assert here.bot.rows(f"SELECT state, length(content) FROM undos WHERE {OF_THREAD}", ts) == [("closed", 0)]


async def test_without_a_time_for_it_nothing_is_kept_and_nothing_offered(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[approvals]\nundo_minutes = 0\n")
    async with world(tmp_path) as here:
        ts, card = await asked(here, "write_file", **an_overwritten_file(here.workspace))
        await here.slack.click(card, "approval.approved", by=here.alice)
        await here.reply(ts, "Answer 1.")
        await here.quiet()
        assert not {"Undo", "Approve"} & set(card.buttons)
        assert here.bot.rows("SELECT count(*) FROM undos") == [(0,)]
