"""Calls that are decided or run at the same time: each goes on with its own decision, and none runs on what another one
has just changed."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Call, call, text
from tests import standin
from tests.harness import World, world
from tests.process.asking import END, answered, ask, asked, decide, field, says, window
from tests.process.test_endings import SERVER, begun, hold, let_go, write

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    home = tmp_path_factory.mktemp("bot")
    async with world(home, start=False, MCP_CONFIG=servers(home)) as this:
        await this.bot.start()
        await this.ready()
        yield this


def servers(home: Path) -> str:
    """The filesystem server and one whose call runs as long as it is held."""
    (home / "gated").mkdir()
    (home / "gated" / "server.py").write_text(SERVER)
    command, arguments = standin.command(home / "workspace")
    found = {
        "filesystem": {"command": command, "args": list(arguments), "trusted": True},
        "gated": {"command": sys.executable, "args": [str(home / "gated" / "server.py")]},
    }
    (home / "mcp.json").write_text(json.dumps({"mcpServers": found}))
    return str(home / "mcp.json")


def replace(path: Path, content: str) -> Call:
    return call("filesystem__write_file", {"path": str(path), "content": content})


def change(path: Path, old: str, new: str) -> Call:
    return call("filesystem__edit_file", {"path": str(path), "edits": [{"oldText": old, "newText": new}]})


async def test_of_two_approved_writes_of_one_file_the_second_is_shown_as_the_first_will_leave_it(here: World) -> None:
    file = here.workspace / "a.txt"
    file.write_text("one\ntwo\n")
    ts = await ask(here, replace(file, "ONE\ntwo\n"), replace(file, "one\nTWO\n"))
    [card] = await asked(here, ts)
    view = await window(here, card, "Review…", here.alice)
    await here.slack.click(view, "Next", by=here.alice)
    await here.until(lambda: "-ONE" in str(view.blocks), what="the diff against what the first will have written")
    assert await here.slack.submit(here.alice, view) == {}
    await answered(here, ts)
    assert file.read_text() == "one\nTWO\n"
    assert here.bot.rows(
        "SELECT decision FROM questions a JOIN threads t ON t.id = a.thread_id WHERE t.thread_ts = ? ORDER BY 1", ts
    ) == [("approved",), ("approved",)]


async def both_changed(here: World) -> tuple[Path, Message]:
    """Two edits of one file, both approved at once; out: the file and the card."""
    file = here.workspace / "a.txt"
    file.write_text("one\ntwo\nthree\n")
    ts = await ask(here, change(file, "one", "ONE"), change(file, "three", "THREE"))
    [card] = await asked(here, ts)
    await here.slack.click(card, "Approve all", by=here.alice)
    await answered(here, ts)
    return file, card


async def test_two_approved_edits_of_one_file_lose_neither(here: World) -> None:
    file, _ = await both_changed(here)
    assert file.read_text() == "ONE\ntwo\nTHREE\n"


async def test_undoing_the_first_of_two_changes_of_one_file_leaves_the_second_alone(here: World) -> None:
    file, card = await both_changed(here)
    view = await window(here, card, "Diff", here.alice)
    assert "Undo" in str(view.blocks)
    await here.slack.click(view, "Undo", by=here.alice)
    await says(here, card, "not undone")
    assert file.read_text() == "ONE\ntwo\nTHREE\n"


async def test_an_approved_call_does_not_wait_for_another_one_that_runs(here: World) -> None:
    ts = await ask(here, hold(here), write(here, "b.txt"), write(here, "c.txt"))
    [card] = await asked(here, ts)
    await decide(here, card, 1, "approved", here.alice)
    await begun(here)
    await decide(here, card, 2, "approved", here.alice)
    await here.until((here.workspace / "b.txt").exists, what="the file, while the other call runs", poll=0.02)
    await decide(here, card, 3, "denied", here.alice)
    await says(here, card, " denied")
    assert not any(END in reply.plain for reply in here.replies(ts))
    let_go(here)
    results = await answered(here, ts)
    assert ["was held" in results[0], "Successfully wrote" in results[1], "denied" in results[2]] == [True] * 3
    assert not (here.workspace / "c.txt").exists()


async def test_a_call_that_is_edited_while_another_one_runs_is_asked_about_at_once(here: World) -> None:
    ts = await ask(here, hold(here), write(here, "b.txt"))
    [card] = await asked(here, ts)
    await decide(here, card, 1, "approved", here.alice)
    await begun(here)
    view = await window(here, card, "Review…", here.alice)
    await here.slack.click(view, "Next", by=here.alice)
    await here.until(lambda: view.data["title"]["text"] == "Review 2 of 2", what="the second page")
    await here.slack.click(view, "Edit…", by=here.alice)
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the form")
    form = here.slack.modals(here.alice)[-1]
    assert await here.slack.submit(here.alice, form, {field(form, "content"): {"value": "edited\n"}}) == {}
    await here.until(lambda: "+edited" in str(view.blocks), what="the changed version in the window")
    assert await here.slack.submit(here.alice, view) == {}
    await here.until((here.workspace / "b.txt").exists, what="the file, while the other call runs", poll=0.02)
    let_go(here)
    await answered(here, ts)
    assert (here.workspace / "b.txt").read_text() == "edited\n"


async def test_a_tool_that_is_denied_now_is_not_offered_while_another_server_is_away(tmp_path: Path) -> None:
    async with world(tmp_path, start=False, MCP_CONFIG=servers(tmp_path)) as here:
        await here.bot.start()
        await here.ready()
        here.model.script(text("One."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "One.")
        await here.quiet()
        await here.bot.stop()
        (tmp_path / "bot.toml").write_text('[[policy.rules]]\naction = "deny"\ntool = "write_file"\n')
        (tmp_path / "gated" / "server.py").write_text("raise SystemExit(1)")
        await here.bot.start()
        await here.ready()
        here.model.script(text("Two."))
        await here.slack.say(here.general, here.alice, "hello again", thread_ts=ts)
        await here.reply(ts, "Two.", timeout=40)
        offered = [tool["function"]["name"] for tool in here.model.requests[-1].tools]
        assert "filesystem__write_file" not in offered
        assert {"filesystem__edit_file", "gated__hold"} <= set(offered)
        here.model.prefix_breaks.clear()  # another configuration may offer other tools
        await here.quiet()
