"""What a turn or a thread has changed: counted at the end of its message, shown in a window, and undone at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message, Person, View
from slack_sandbox.openrouter import call, calls, failure, text
from tests.harness import World
from tests.inprocess.changing import tree, turn
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

DIFF, MENU, THREAD = "Show combined diff", "turn.on.menu", "What changed in this thread…"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


def write(here: World, name: str, content: str) -> Any:
    return call("filesystem__write_file", {"path": str(here.workspace / name), "content": content})


def edit(here: World, name: str, old: str, new: str) -> Any:
    path = str(here.workspace / name)
    return call("filesystem__edit_file", {"path": path, "edits": [{"oldText": old, "newText": new}]})


def move(here: World, source: str, destination: str) -> Any:
    paths = {"source": str(here.workspace / source), "destination": str(here.workspace / destination)}
    return call("filesystem__move_file", paths)


def folder(here: World, name: str) -> Any:
    return call("filesystem__create_directory", {"path": str(here.workspace / name)})


async def opened(here: World, message: Message, button: str, by: Person, option: str | None = None) -> View:
    """The window that a button opens."""
    known = here.slack.modals(by)
    await here.slack.click(message, button, by=by, option=option)

    def new() -> list[View]:
        return [view for view in here.slack.modals(by) if view not in known]

    return (await here.until(new, what="a window", poll=0.01))[-1]


def changes(view: View) -> list[str]:
    """The lines of the diffs of a window that are added or removed."""
    lines = [line for box in boxes(view.blocks) for line in box.split("\n")]
    return [line for line in lines if line[:1] in ("+", "-")]


def boxes(node: Any) -> list[str]:
    """The preformatted texts of some blocks."""
    if isinstance(node, dict):
        if node.get("type") == "rich_text_preformatted":
            return ["".join(each["text"] for each in node["elements"])]
        return [box for value in node.values() for box in boxes(value)]
    return [box for each in node for box in boxes(each)] if isinstance(node, list) else []


async def test_a_turn_that_changed_several_things_ends_with_its_numbers_and_two_buttons(here: World) -> None:
    (here.workspace / "a.txt").write_text("one\n")
    steps = [write(here, "a.txt", "two\n"), write(here, "b.txt", "new\n"), write(here, "no.txt", "never\n")]
    last = await turn(here, steps, deny=[2])
    assert "2 files changed, 1 denied" in last.plain
    assert {DIFF, "Undo all"} <= set(last.buttons)


async def test_a_turn_that_changed_one_thing_does_not(here: World) -> None:
    last = await turn(here, [write(here, "a.txt", "x"), write(here, "b.txt", "x")], deny=[1])
    assert "changed" not in last.plain
    assert not {DIFF, "Undo all"} & set(last.buttons)


async def test_the_combined_diff_has_each_file_once_and_only_what_the_turn_has_changed(here: World) -> None:
    (here.workspace / "a.txt").write_text("one\ntwo\nthree\n")
    (here.workspace / "m.txt").write_text("moved\n")
    last = await turn(
        here,
        [
            edit(here, "a.txt", "one", "1"),
            write(here, "n.txt", "draft\n"),
            edit(here, "a.txt", "1", "ONE"),
            write(here, "n.txt", "final\n"),
            move(here, "m.txt", "n2.txt"),
            write(here, "no.txt", "never\n"),
        ],
        deny=[5],
    )
    assert "3 files changed, 1 denied" in last.plain
    (here.workspace / "a.txt").write_text("a secret of somebody else\n")
    view = await opened(here, last, DIFF, here.bob)
    words = view.plain
    assert changes(view) == ["-one", "+ONE", "+final"]
    assert words.count("a.txt") == words.count("n.txt") == words.count("n2.txt") == 1
    assert "moved from m.txt" in words
    assert "new file" in words
    assert "Denied: Create no.txt" in words
    assert "draft" not in words
    assert "secret" not in words
    assert str(here.workspace) not in words


async def test_undo_all_puts_everything_back_in_reverse_order_and_says_so(here: World) -> None:
    (here.workspace / "a.txt").write_text("one\n")
    (here.workspace / "a.txt").chmod(0o640)
    before = tree(here.workspace)
    last = await turn(
        here,
        [
            edit(here, "a.txt", "one", "two"),
            move(here, "a.txt", "b.txt"),
            edit(here, "b.txt", "two", "three"),
            folder(here, "d/e"),
            write(here, "d/e/f.txt", "x"),
            move(here, "d", "g"),
        ],
    )
    assert "3 files changed, 1 other change" in last.plain
    await here.slack.click(last, "Undo all", by=here.alice)
    await here.until(lambda: "all undone by" in last.plain, what="the end of it", poll=0.01)
    await here.quiet()
    assert tree(here.workspace) == before
    assert "Undo all" not in last.buttons
    assert "Undo" not in {button for reply in here.replies(last.thread_ts or "") for button in reply.buttons}
    kinds = [kind for (kind,) in here.bot.rows("SELECT kind FROM audit WHERE kind LIKE 'undo%' ORDER BY seq")]
    assert kinds == ["undo"] * 6 + ["undone"] * 6
    calls = [call for (call,) in here.bot.rows("SELECT call FROM audit WHERE kind = 'undone' ORDER BY seq")]
    assert calls == sorted(calls, reverse=True)
    assert "Undone since: " in (await opened(here, last, DIFF, here.alice)).plain


async def test_what_somebody_has_changed_since_is_left_alone_with_its_reason_and_the_rest_is_undone(
    here: World,
) -> None:
    for name in ("a.txt", "b.txt"):
        (here.workspace / name).write_text("one\n")
    last = await turn(here, [write(here, name, "two\n") for name in ("a.txt", "b.txt", "c.txt")])
    (here.workspace / "b.txt").write_text("somebody's work\n")
    await here.slack.click(last, "Undo all", by=here.alice)
    await here.until(lambda: "1 not undone" in last.plain, what="the end of it", poll=0.01)
    await here.quiet()
    assert "2 undone by" in last.plain
    assert "It has changed since, so I left it alone: b.txt." in last.plain
    assert {path.name: path.read_text() for path in here.workspace.iterdir()} == {
        "a.txt": "one\n",
        "b.txt": "somebody's work\n",
    }


async def test_what_cannot_be_undone_is_said(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        (here.workspace / "big.txt").write_bytes(b"x" * (5 * 1024 * 1024 + 1))
        last = await turn(here, [write(here, "big.txt", "y"), write(here, "a.txt", "y"), write(here, "b.txt", "y")])
        assert "2 of 3 changes are put back" in str(last.blocks)
        assert "1 can't be undone." in str(last.blocks)
        await here.slack.click(last, "Undo all", by=here.alice)
        await here.until(lambda: "2 undone by" in last.plain, what="the end of it", poll=0.01)
        await here.quiet()
        assert "1 can't be undone" in last.plain
        assert [path.name for path in here.workspace.iterdir()] == ["big.txt"]


async def test_somebody_else_undoes_nothing(here: World) -> None:
    last = await turn(here, [write(here, name, "x") for name in ("a.txt", "b.txt")])
    await here.slack.click(last, "Undo all", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to Bob", poll=0.01)
    assert f"Only <@{here.alice.id}>" in here.slack.ephemerals(here.bob)[0].plain
    await here.quiet()
    assert len(tree(here.workspace)) == 2
    assert "Undo all" in last.buttons


async def test_pressed_twice_everything_is_undone_once_and_a_late_press_is_answered(here: World) -> None:
    last = await turn(here, [write(here, name, "x") for name in ("a.txt", "b.txt")])
    stale = last.snapshot()
    for _ in range(2):
        await here.slack.click_raw(stale, "Undo all", by=here.alice)
    await here.until(lambda: "all undone by" in last.plain, what="the end of it", poll=0.01)
    await here.quiet()
    (here.workspace / "a.txt").write_text("x")
    await here.slack.click_raw(stale, "Undo all", by=here.alice)
    await here.quiet()
    assert "can no longer be undone" in here.slack.ephemerals(here.alice)[-1].plain
    assert (here.workspace / "a.txt").read_text() == "x"
    assert here.bot.rows("SELECT count(*) FROM audit WHERE kind = 'undone'") == [(2,)]


@pytest.mark.parametrize("button", ["ledger.undo", "ledger.show", "ledger.page", "ledger.file", "ledger.other"])
async def test_a_forged_button_undoes_and_shows_nothing(here: World, button: str) -> None:
    last = await turn(here, [write(here, name, "x") for name in ("a.txt", "b.txt")])
    for value in ('{"turn": 2}', '{"turn": true}', '{"turn": 1, "x": 1}', "[]", "x" * 3000):
        action = {"action_id": button, "type": "button", "value": value}
        await here.slack.click_raw(last, action, by=here.alice)
        await here.quiet()
        assert len(tree(here.workspace)) == 2, value
        assert not any(changes(view) for view in here.slack.modals(here.alice)), value


async def test_a_button_of_another_conversation_undoes_and_shows_nothing(here: World) -> None:
    here.expected_refusals.append("thread_not_found")
    last = await turn(here, [write(here, name, "x") for name in ("a.txt", "b.txt")])
    elsewhere = here.slack.add_channel("elsewhere", members=[here.alice, here.bob])
    moved = last.snapshot()
    moved.channel = elsewhere.id
    for button in ("Undo all", DIFF):
        await here.slack.click_raw(moved, button, by=here.alice)
    await here.quiet()
    assert len(tree(here.workspace)) == 2
    assert not any(changes(view) for view in here.slack.modals(here.alice))


async def test_the_menu_shows_what_the_whole_thread_has_changed(here: World) -> None:
    first = await turn(here, [write(here, "a.txt", "one\n")])
    ts = first.thread_ts or ""
    second = await turn(here, [edit(here, "a.txt", "one", "two"), write(here, "b.txt", "x\n")], ts=ts)
    view = await opened(here, second, MENU, here.bob, option=THREAD)
    assert changes(view) == ["+two", "+x"]
    third = await turn(here, [call("filesystem__list_directory", {"path": str(here.workspace)})], ts=ts)
    assert changes(await opened(here, third, MENU, here.bob, option=THREAD)) == ["+two", "+x"]


@pytest.mark.parametrize("mode", ["private", "summary"])
async def test_what_was_changed_stays_with_those_who_may_see_it(tmp_path: Path, mode: str) -> None:
    async with inside(tmp_path, start=False) as here:
        (here.bot.home / "bot.toml").write_text(f'[agent]\nprivacy = "{mode}"\n')
        await here.bot.start()
        last = await turn(here, [write(here, "secret-name.txt", "secret\n"), write(here, "b.txt", "secret\n")])
        assert ("2 changes made" if mode == "private" else "2 files changed") in last.plain
        assert changes(await opened(here, last, "ledger.show", here.alice)) == ["+secret", "+secret"]
        for button, option in (("ledger.show", None), (MENU, THREAD)):
            words = (await opened(here, last, button, here.bob, option=option)).plain
            assert "Only the people who asked for these changes" in words
            assert "secret" not in words
        await here.bot.stop()
        (here.bot.home / "bot.toml").write_text('[agent]\nprivacy = "full"\n')
        await here.bot.start()
        await here.ready()
        seen_later = (await opened(here, last, "ledger.show", here.bob)).plain
        assert "Only the people who asked for these changes" in seen_later
        assert changes(await opened(here, last, "ledger.show", here.alice)) == ["+secret", "+secret"]
        (here.workspace / "b.txt").write_text("somebody's work\n")
        await here.slack.click(last, "Undo all", by=here.alice)
        await here.until(lambda: "1 not undone" in last.plain, what="the end of it", poll=0.01)
        await here.quiet()
        assert "secret" not in str([reply.blocks for reply in here.replies(last.thread_ts or "")])


async def test_what_one_window_does_not_take_is_on_pages_and_the_rest_in_a_file(here: World) -> None:
    def content(letter: str) -> str:
        return "".join(f"{letter} {number} {'x' * 60}\n" for number in range(4_000))

    last = await turn(here, [write(here, f"{letter}.txt", content(letter)) for letter in "abc"])
    here.model.prefix_breaks.clear()  # the texts are more than the model can read
    view = await opened(here, last, DIFF, here.bob)
    found = changes(view)
    assert "Page 1 of 2" in view.plain
    await here.slack.click(view, "Next page", by=here.bob)
    await here.until(lambda: "Page 2 of 2" in view.plain, what="the next page", poll=0.01)
    assert [*found, *changes(view)] == [f"+{line}" for line in content("a").splitlines()]
    assert "The rest is too long to show here." in view.plain
    await here.slack.click(view, "Post everything as a file in the thread", by=here.bob)
    await here.until(lambda: "I posted everything as a file in the thread." in view.plain, what="the file", poll=0.01)
    await here.quiet()
    files = [file for reply in here.replies(last.thread_ts or "") for file in reply.files]
    [posted] = [file for file in files if file.name.startswith("changes")]
    text = posted.content.decode()
    assert [text.count(f"+++ {letter}.txt\n") for letter in "abc"] == [1, 1, 1]
    assert [text.count(f"+{letter} 3999 ") for letter in "abc"] == [1, 1, 1]


async def test_calls_that_were_approved_together_are_undone_together(here: World) -> None:
    names = ("a.txt", "b.txt")
    here.model.script(calls(*(write(here, name, "x") for name in names)), text("That is all."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    card = await here.reply(ts, "Waiting for you")
    await here.slack.click(card, "Approve all", by=here.alice)
    last = await here.reply(ts, "That is all.")
    await here.quiet()
    stale = card.snapshot()
    await here.slack.click(card, "Undo all", by=here.alice)
    await here.until(lambda: "all undone by" in last.plain, what="the end of it", poll=0.01)
    await here.quiet()
    assert tree(here.workspace) == {}
    assert "Undo all" not in card.buttons
    await here.slack.click_raw(stale, "Undo all", by=here.alice)
    await here.until(lambda: here.slack.ephemerals(here.alice), what="a word to Alice", poll=0.01)
    assert "can no longer be undone" in here.slack.ephemerals(here.alice)[-1].plain
    here.model.script(text("I see."))
    await here.slack.say(here.general, here.alice, "<@BOT> what is there now?", thread_ts=ts)
    await here.reply(ts, "I see.")
    *_, note, question = here.model.requests[-1].messages
    assert str(note["content"]).count("a person has undone your call") == 2, "one message says it of both calls"
    assert "what is there now?" in question["content"]


async def test_a_turn_that_fails_or_is_stopped_has_a_ledger_too_and_a_retried_one_only_at_its_new_end(
    here: World,
) -> None:
    here.model.script(calls(write(here, "a.txt", "x")), calls(write(here, "b.txt", "x")), failure("status"))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    for _ in range(2):
        await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
        await here.quiet()
        [card] = [each for each in here.replies(ts) if "Deny" in each.buttons]
        await here.slack.click(card, "approval.approved", by=here.alice)
        await here.quiet()
    failed = await here.reply(ts, "2 files changed")
    assert {"Retry", DIFF, "Undo all"} <= set(failed.buttons)
    here.model.script(text("That is all."))
    await here.slack.click(failed, "Retry", by=here.alice)
    last = await here.reply(ts, "That is all.")
    await here.quiet()
    assert "2 files changed" in last.plain
    assert "2 files changed" not in failed.plain
    assert "Undo all" not in failed.buttons
