"""A server makes a task of a call: its handle is recorded before the server is asked about it, so a restart goes on
asking, nothing is made twice, and people are asked only when the server no longer knows the task."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest

from bot.core import server_tasks
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SERVER = Path(__file__).parents[1] / "unit" / "tools" / "servers" / "tasking.py"
POLL = 0.02


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    """A bot with a server that makes tasks."""
    monkeypatch.setattr(server_tasks, "MIN_POLL", POLL)
    (tmp_path / "tasks").mkdir()
    served = {"command": sys.executable, "args": [str(SERVER), str(tmp_path / "tasks")], "trusted": True}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"jobs": served}}))
    (tmp_path / "bot.toml").write_text("[limits]\nprogress_after_seconds = 0.01\nprogress_every_seconds = 0.02\n")
    async with inside(tmp_path) as this:
        yield this


def journal(here: World, begins: str = "") -> list[str]:
    written = here.bot.home / "tasks" / "journal"
    return [each for each in written.read_text().splitlines() if each.startswith(begins)] if written.exists() else []


def change(here: World, name: str, **to: object) -> None:
    """Have the server say something else about a task."""
    path = here.bot.home / "tasks" / f"{name}.task"
    path.with_suffix(".test").write_text(json.dumps({**json.loads(path.read_text()), **to}))
    os.replace(path.with_suffix(".test"), path)


def complete(here: World, name: str, words: str) -> None:
    change(here, name, status="completed", result={"content": [{"type": "text", "text": words}]})


async def running(here: World, *tools: str) -> str:
    """A turn in which calls have become tasks that the server is asked about. Out: its thread."""
    here.model.script(calls(*(call(f"jobs__{tool}", {}) for tool in tools)), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    if "load" in tools:
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
    for tool in {*tools} - {"quick"}:
        await here.until(lambda tool=tool: journal(here, f"get {tool}-1"), what="a question about it", poll=0.01)
    return ts


def ended(here: World) -> list[tuple[str, str, str, int]]:
    return here.bot.rows("SELECT remote_name, state, outcome, attempts FROM calls ORDER BY id")


def told(here: World) -> str:
    """The results that the model got."""
    messages = [json.loads(body) for (body,) in here.bot.rows("SELECT body FROM messages ORDER BY seq")]
    return "\n".join(str(each["content"]) for each in messages if each["role"] == "tool")


async def test_a_call_goes_on_as_a_task_and_its_result_is_the_tasks(here: World) -> None:
    ts = await running(here, "collect")
    assert here.bot.rows("SELECT state, task <> '' FROM calls") == [("started", 1)]
    # The turn is a log that waits: nothing runs for it.
    await here.until(lambda: cast(BotInside, here.bot).idle, what="a thread at rest", poll=0.01)
    change(here, "collect-1", statusMessage="Importing · 40 of 120")
    await here.until(lambda: any("Importing · 40 of 120" in each.plain for each in here.replies(ts)), what="progress")
    complete(here, "collect-1", "120 found")
    await here.reply(ts, "All done.")
    assert ended(here) == [("collect", "finished", "ok", 1)]
    assert "120 found" in told(here)
    assert not any("40 of 120" in each.plain for each in here.replies(ts)), "what is done needs no progress"
    assert here.bot.rows("SELECT task FROM calls") == [("",)]


async def test_an_approved_call_that_became_a_task_is_never_made_again(here: World) -> None:
    ts = await running(here, "load")
    for _ in range(2):
        await here.bot.kill()
        before = len(journal(here, "get"))
        await here.bot.start()
        await here.until(lambda before=before: len(journal(here, "get")) > before, what="another question", poll=0.01)
    complete(here, "load-1", "loaded")
    await here.reply(ts, "All done.")
    assert ended(here) == [("load", "finished", "ok", 1)]
    assert journal(here, "run") == ["run load"]
    assert here.bot.rows("SELECT kind, decision FROM questions") == [("may_it_run", "approved")]
    assert "loaded" in told(here)


async def test_a_task_that_ended_while_the_bot_was_away_is_read_at_its_start(here: World) -> None:
    ts = await running(here, "load")
    await here.bot.kill()
    complete(here, "load-1", "loaded meanwhile")
    await here.bot.start()
    await here.reply(ts, "All done.")
    assert "loaded meanwhile" in told(here)
    assert journal(here, "run") == ["run load"]


async def test_a_server_that_was_away_meanwhile_is_asked_again(here: World) -> None:
    ts = await running(here, "load")
    [process] = journal(here, "process")
    os.kill(int(process.split()[1]), signal.SIGKILL)
    complete(here, "load-1", "loaded")
    await here.reply(ts, "All done.")
    assert journal(here, "run") == ["run load"]
    assert ended(here) == [("load", "finished", "ok", 1)]


async def test_of_a_task_that_the_server_no_longer_knows_people_are_asked_whether_it_ran(here: World) -> None:
    ts = await running(here, "load")
    (here.bot.home / "tasks" / "load-1.task").unlink()
    card = await here.reply(ts, "did it run?")
    assert journal(here, "run") == ["run load"]
    await here.slack.click(card, "It ran", by=here.alice)
    await here.reply(ts, "All done.")
    assert ended(here) == [("load", "finished", "assumed", 1)]


async def test_a_read_whose_task_the_server_no_longer_knows_is_made_again(here: World) -> None:
    ts = await running(here, "collect")
    task = here.bot.home / "tasks" / "collect-1.task"
    task.unlink()
    # The server makes the task right after the line in its journal.
    await here.until(lambda: len(journal(here, "run")) == 2 and task.exists(), what="the same call again", poll=0.01)
    complete(here, "collect-1", "found at last")
    await here.reply(ts, "All done.")
    assert ended(here) == [("collect", "finished", "ok", 2)]
    assert here.bot.rows("SELECT 1 FROM questions") == []


async def test_stop_cancels_the_task_at_its_server(here: World) -> None:
    ts = await running(here, "collect", "load")
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, "Stopped.")
    await here.until(lambda: len(journal(here, "cancel")) == 2, what="both", poll=0.01)
    await here.quiet()
    outcomes = {row[0]: row[2] for row in ended(here)}
    assert outcomes == {"collect": "error", "load": "error"}, "the servers said that they were cancelled"
    asked = len(journal(here, "get"))
    await here.bot.kill()
    assert len(journal(here, "get")) == asked, "nobody asks about them any more"


async def test_what_people_write_meanwhile_is_read_when_the_task_has_ended(here: World) -> None:
    ts = await running(here, "collect")
    await here.slack.say(here.general, here.alice, "and hurry", thread_ts=ts)
    await here.until(
        lambda: here.bot.rows("SELECT 1 FROM inbox WHERE text = 'and hurry'"), what="it is recorded", poll=0.01
    )
    complete(here, "collect-1", "found")
    await here.reply(ts, "All done.")
    assert "and hurry" in str(here.model.requests[-1].messages)
    assert not any("Deny" in button for reply in here.replies(ts) for button in reply.buttons)


async def test_a_task_that_fails_or_is_cancelled_there_is_an_error_for_the_model(here: World) -> None:
    ts = await running(here, "collect", "load")
    change(here, "collect-1", status="failed", error={"code": -32603, "message": "rate limit"})
    change(here, "load-1", status="cancelled")
    await here.reply(ts, "All done.")
    assert {row[0]: row[2] for row in ended(here)} == {"collect": "error", "load": "error"}
    assert "rate limit" in told(here)
    assert "Parts of it may have been done" in told(here)


async def test_a_task_that_wants_input_is_cancelled_with_a_reason(here: World) -> None:
    ts = await running(here, "collect")
    change(here, "collect-1", status="input_required", inputRequests={"name": {"method": "elicitation/create"}})
    await here.reply(ts, "All done.")
    assert "which this bot cannot give" in told(here)
    assert journal(here, "cancel") == ["cancel collect-1"]


async def test_other_calls_run_beside_a_task(here: World) -> None:
    ts = await running(here, "collect", "quick")
    complete(here, "collect-1", "found")
    await here.reply(ts, "All done.")
    assert "quick answer" in told(here)


async def test_a_task_is_not_asked_about_at_another_server_that_has_the_key_by_now(here: World) -> None:
    """The other one may know a task of this id, too: whose result would that be?"""
    await running(here, "load")
    await here.bot.kill()
    other = here.bot.home / "other"
    other.mkdir()
    (other / "load-1.task").write_bytes((here.bot.home / "tasks" / "load-1.task").read_bytes())
    configured = here.bot.home / "mcp.json"
    configured.write_text(configured.read_text().replace(str(here.bot.home / "tasks"), str(other)))
    before = len(journal(here, "get"))
    await here.bot.start()
    [(place,)] = here.bot.rows("SELECT thread_ts FROM threads")
    await here.reply(place, "did it run?")
    assert len(journal(here, "get")) == before
    assert not (other / "journal").exists() or "load-1" not in (other / "journal").read_text()
