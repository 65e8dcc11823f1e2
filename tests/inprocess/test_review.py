"""Several calls of a step: one list, decided with one click or in a window in which each is looked at, end to end."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox import text as texts
from slack_sandbox.model import Message, Person, View
from slack_sandbox.openrouter import Call, call, calls, text
from tests.harness import World
from tests.inprocess.world import inside
from tests.process.asking import END, answered, ask, asked, diffs, field, says, window

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


def write(here: World, name: str, content: str = "new\n") -> Call:
    return call("filesystem__write_file", {"path": str(here.workspace / name), "content": content})


def edit(here: World, name: str, old: str, new: str) -> Call:
    edits = [{"oldText": old, "newText": new}]
    return call("filesystem__edit_file", {"path": str(here.workspace / name), "edits": edits})


def lines(card: Message) -> list[str]:
    """The lines of a list."""
    return [
        texts.plain("", [{"type": "rich_text", "elements": [item]}], ())
        for block in card.blocks
        for element in block.get("elements", [])
        if element.get("type") == "rich_text_list"
        for item in element["elements"]
    ]


def title(view: View) -> str:
    return view.data["title"]["text"]


def submit(view: View) -> str:
    found: Any = view.data.get("submit")
    return found["text"] if found else ""


async def three(here: World) -> tuple[str, Message]:
    """A step with three changes; out: the thread and the card."""
    for name in "abc":
        (here.workspace / f"{name}.txt").write_text("old\n")
    ts = await ask(here, *(edit(here, f"{name}.txt", "old", f"new {name}") for name in "abc"))
    [card] = await asked(here, ts)
    return ts, card


def contents(here: World) -> list[str]:
    return [(here.workspace / f"{name}.txt").read_text() for name in "abc"]


async def turned(here: World, by: Person, button: str, wanted: str) -> View:
    """Press a button of the window that is on top, and wait for a title or a label of submission."""
    view = here.slack.modals(by)[-1]
    await here.slack.click(view, button, by=by)
    await here.until(lambda: wanted in (title(view), submit(view)), what=wanted)
    return view


async def test_several_changes_are_a_list_that_one_click_approves(here: World) -> None:
    ts, card = await three(here)
    assert lines(card) == [f"Edit {name}.txt · 1 line changed" for name in "abc"]
    assert card.buttons == ["Approve all", "Deny all", "Review…"]
    await here.slack.click(card, "Approve all", by=here.alice)
    await answered(here, ts)
    assert contents(here) == ["new a\n", "new b\n", "new c\n"]
    assert await says(here, card, "approved all 3: a.txt, b.txt, c.txt")
    assert "Diff" in card.buttons
    assert lines(card) == []


async def test_what_is_left_out_in_the_window_is_denied(here: World) -> None:
    ts, card = await three(here)
    view = await window(here, card, "Review…", here.alice)
    assert (title(view), submit(view)) == ("Review 1 of 3", "Approve all 3")
    assert diffs(view) == ["@@ -1 +1 @@\n-old\n+new a"]
    await turned(here, here.alice, "Next", "Review 2 of 3")
    assert diffs(view) == ["@@ -1 +1 @@\n-old\n+new b"]
    await here.slack.click(
        view, "review.include", by=here.alice, option=[], values={"review.2": {"review.include": []}}
    )
    await here.until(lambda: submit(view) == "Approve 2 of 3", what="the label")
    await turned(here, here.alice, "Next", "Review 3 of 3")
    assert submit(view) == "Approve 2 of 3"
    assert await here.slack.submit(here.alice, view) == {}
    await answered(here, ts)
    assert contents(here) == ["new a\n", "old\n", "new c\n"]
    assert await says(here, card, "approved 2 of 3: a.txt, c.txt")
    assert here.slack.modals(here.alice) == []


async def test_a_box_that_is_cleared_just_before_the_window_is_sent_counts(here: World) -> None:
    ts, card = await three(here)
    view = await window(here, card, "Review…", here.alice)
    assert await here.slack.submit(here.alice, view, {"review.1": {"review.include": []}}) == {}
    await answered(here, ts)
    assert contents(here) == ["old\n", "new b\n", "new c\n"]


async def test_who_gets_no_window_on_top_reads_so_in_the_one_below(here: World) -> None:
    _, card = await three(here)
    view = await window(here, card, "Review…", here.alice)
    here.slack.faults.add("views.push", "error", code="expired_trigger_id")
    await here.slack.click(view, "Edit…", by=here.alice)
    await here.until(lambda: "Slack did not open the window" in view.plain, what="the reason")
    assert "press the button again" in view.plain


async def test_an_edit_from_the_window_comes_back_to_it_with_the_changed_request(here: World) -> None:
    ts, card = await three(here)
    view = await window(here, card, "Review…", here.alice)
    await here.slack.click(view, "Edit…", by=here.alice)
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the form on top")
    form = here.slack.modals(here.alice)[-1]
    typed = {field(form, "edits", 0, "newText"): {"value": "mine"}}
    assert await here.slack.submit(here.alice, form, typed) == {}
    await here.until(lambda: diffs(view) == ["@@ -1 +1 @@\n-old\n+mine"], what="the changed version in the window")
    assert here.slack.modals(here.alice) == [view]
    assert contents(here) == ["old\n"] * 3
    assert await here.slack.submit(here.alice, view) == {}
    await answered(here, ts)
    assert contents(here) == ["mine\n", "new b\n", "new c\n"]


async def test_a_call_under_a_grant_in_the_same_message_is_no_page_of_the_window(here: World) -> None:
    ts = await ask(here, write(here, "first.txt"))
    [card] = await asked(here, ts)
    always = await window(here, card, "Always…", here.alice)
    assert await here.slack.submit(here.alice, always, {"scope": {"value": "any"}}) == {}
    await answered(here, ts)
    for name in "abc":
        (here.workspace / f"{name}.txt").write_text("old\n")
    changes = [edit(here, f"{name}.txt", "old", f"new {name}") for name in "abc"]
    here.model.script(calls(write(here, "granted.txt")), calls(*changes), text(END))
    await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
    [card] = await asked(here, ts)
    assert "granted.txt" in card.plain
    view = await window(here, card, "Review…", here.alice)
    await turned(here, here.alice, "Next", "Review 2 of 3")
    await here.slack.click(
        view, "review.include", by=here.alice, option=[], values={"review.2": {"review.include": []}}
    )
    await here.until(lambda: submit(view) == "Approve 2 of 3", what="the label")
    await turned(here, here.alice, "Previous", "Review 1 of 3")
    await here.slack.click(view, "Edit…", by=here.alice)
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the form on top")
    form = here.slack.modals(here.alice)[-1]
    typed = {field(form, "edits", 0, "newText"): {"value": "mine"}}
    assert await here.slack.submit(here.alice, form, typed) == {}
    await here.until(lambda: diffs(view) == ["@@ -1 +1 @@\n-old\n+mine"], what="the changed version in the window")
    assert (title(view), submit(view)) == ("Review 1 of 3", "Approve 2 of 3")
    assert await here.slack.submit(here.alice, view) == {}
    await here.until(lambda: contents(here) == ["mine\n", "old\n", "new c\n"], what="what was approved")


async def test_a_window_that_was_opened_before_an_edit_approves_nothing_and_shows_the_edit(here: World) -> None:
    ts, card = await three(here)
    mine = await window(here, card, "Review…", here.alice)
    his = await window(here, card, "Review…", here.bob)
    await here.slack.click(mine, "Edit…", by=here.alice)
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the form on top")
    form = here.slack.modals(here.alice)[-1]
    await here.slack.submit(here.alice, form, {field(form, "edits", 0, "newText"): {"value": "mine"}})
    await here.until(lambda: "+mine" in json.dumps(mine.blocks), what="the changed version")
    again = await window(here, card, "Review…", here.alice)
    stale = here.slack.modals(here.alice)[-1]
    assert again is stale
    assert submit(his) == ""
    assert await here.slack.submit(here.alice, again) == {}
    await answered(here, ts)
    assert contents(here) == ["mine\n", "new b\n", "new c\n"]


def folder(here: World, name: str) -> Call:
    return call("filesystem__create_directory", {"path": str(here.workspace / name)})


async def needing(here: World) -> tuple[str, Message]:
    """A folder, a file in it, and an edit of that; out: the thread and the card."""
    ts = await ask(
        here, folder(here, "drafts"), write(here, "drafts/a.md", "one\ntwo\n"), edit(here, "drafts/a.md", "two", "2")
    )
    [card] = await asked(here, ts)
    return ts, card


async def test_calls_that_need_each_other_are_asked_together_and_run_in_order(here: World) -> None:
    ts, card = await needing(here)
    assert lines(card) == [
        "Create the folder drafts",
        "Create drafts/a.md · new file, 2 lines · after creating the folder drafts",
        "Edit drafts/a.md · 1 line changed · after writing drafts/a.md",
    ]
    view = await window(here, card, "Review…", here.alice)
    await turned(here, here.alice, "Next", "Review 2 of 3")
    assert diffs(view) == ["@@ -0,0 +1,2 @@\n+one\n+two"]
    await turned(here, here.alice, "Next", "Review 3 of 3")
    assert diffs(view) == ["@@ -1,2 +1,2 @@\n one\n-two\n+2"]
    assert await here.slack.submit(here.alice, view) == {}
    results = await answered(here, ts)
    assert (here.workspace / "drafts/a.md").read_text() == "one\n2\n"
    assert [each for each in results if "Success" not in each and "diff" not in each] == []
    assert "approved all 3" in card.plain, "nobody is asked a second time"


async def test_what_needs_a_call_that_was_denied_says_so(here: World) -> None:
    ts, card = await needing(here)
    view = await window(here, card, "Review…", here.alice)
    assert await here.slack.submit(here.alice, view, {"review.1": {"review.include": []}}) == {}
    results = await answered(here, ts)
    assert not (here.workspace / "drafts").exists()
    assert "Can't write drafts/a.md: creating the folder drafts was denied." in results[1]
    assert "Can't edit drafts/a.md: writing drafts/a.md was not done." in results[2]
    assert "drafts/a.md not done: Can't write drafts/a.md: creating the folder drafts was denied" in card.plain
    assert "had changed" not in card.plain


async def test_what_turns_out_otherwise_than_it_was_shown_is_asked_about_again(here: World) -> None:
    (here.workspace / "a.txt").write_text("one\ntwo\n")
    ts = await ask(here, edit(here, "a.txt", "one", "ONE"), edit(here, "a.txt", "two", "TWO"))
    [card] = await asked(here, ts)
    view = await window(here, card, "Review…", here.alice)
    assert await here.slack.submit(here.alice, view, {"review.1": {"review.include": []}}) == {}
    [again] = await here.until(
        lambda: [each for each in here.replies(ts) if "Approve edit" in each.buttons], what="another card"
    )
    assert diffs(again) == ["@@ -1,2 +1,2 @@\n one\n-two\n+TWO"]
    await here.slack.click(again, "Approve edit", by=here.alice)
    await answered(here, ts)
    assert (here.workspace / "a.txt").read_text() == "one\nTWO\n"


async def test_a_read_waits_for_the_change_before_it(here: World) -> None:
    (here.workspace / "a.txt").write_text("old\n")
    read = call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")})
    ts = await ask(here, edit(here, "a.txt", "old", "new"), read)
    [card] = await asked(here, ts)
    await here.slack.click(card, "Approve edit", by=here.alice)
    results = await answered(here, ts)
    assert results[1] == "new\n"
