"""A turn is stopped while a tool runs: the call is cancelled at its server, the person is told at once, and a call that
may have run is never made again without being asked for."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SERVER = Path(__file__).parents[1] / "unit" / "tools" / "servers" / "hanging.py"
STOPPED = "Stopped."
DOUBTFUL = "it may or may not have run"
SECONDS = 1.0
"""Within which the person is told."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    """A bot with a server whose calls never end. It sends without being asked, when the arguments say so."""
    served = {"command": sys.executable, "args": [str(SERVER), str(tmp_path / "journal")], "trusted": True}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"post": served}}))
    rule = '[[policy.rules]]\ntool = "send"\narguments.quietly.equals = "yes"\naction = "allow"\n'
    (tmp_path / "bot.toml").write_text(rule)
    async with inside(tmp_path) as this:
        yield this


def journal(here: World) -> list[str]:
    written = here.bot.home / "journal"
    return written.read_text().splitlines() if written.exists() else []


async def running(here: World, *tools: str, **arguments: str) -> str:
    """A turn in which calls of these tools run; those that send are approved. Out: its thread."""
    here.model.script(calls(*(call(f"post__{tool}", arguments) for tool in tools)), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    if "send" in tools and not arguments:
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
    wanted = {f"began {tool}" for tool in tools}
    await here.until(lambda: wanted <= {*journal(here)}, what="the calls", poll=0.01)
    return ts


async def stop(here: World, ts: str) -> None:
    """Alice stops it with a word, and is told within a second."""
    began = time.monotonic()
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, STOPPED)
    assert time.monotonic() - began < SECONDS
    await here.quiet()


def ended(here: World) -> list[tuple[str, str, int]]:
    return here.bot.rows("SELECT remote_name, outcome, attempts FROM calls ORDER BY id")


async def test_a_read_is_cancelled_at_its_server(here: World) -> None:
    ts = await running(here, "look")
    await stop(here, ts)
    await here.until(lambda: "cancelled look" in journal(here), what="the notification", poll=0.01)
    assert ended(here) == [("look", "stopped", 1)]
    assert not any(DOUBTFUL in reply.plain for reply in here.replies(ts))


async def test_an_approved_call_is_cancelled_too_and_its_card_says_that_it_may_have_run(here: World) -> None:
    ts = await running(here, "send")
    await stop(here, ts)
    await here.until(lambda: "cancelled send" in journal(here), what="the notification", poll=0.01)
    assert ended(here) == [("send", "unresolved", 1)]
    card, end = [reply.plain for reply in here.replies(ts)]
    assert "approved" in card
    assert DOUBTFUL in card
    assert end == "Stopped. May have been done, or in part: Send."
    here.model.reset()
    here.model.script(text("Going on."))
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, "Going on.")
    assert "may or may not have run. Do not make it again" in str(here.model.requests[-1].messages)
    assert journal(here).count("began send") == 1


async def test_of_a_call_that_nobody_was_asked_about_people_read_that_it_may_have_run(here: World) -> None:
    ts = await running(here, "send", quietly="yes")
    await stop(here, ts)
    assert ended(here) == [("send", "unresolved", 1)]
    [said] = [reply.plain for reply in here.replies(ts)]
    assert "Stopped. May have been done, or in part: Send: yes." in said
    assert DOUBTFUL in said


async def test_several_calls_end_together_each_as_it_is(here: World) -> None:
    ts = await running(here, "look", "send")
    await stop(here, ts)
    assert sorted(ended(here)) == [("look", "stopped", 1), ("send", "unresolved", 1)]
    await here.until(lambda: {"cancelled look", "cancelled send"} <= {*journal(here)}, what="both", poll=0.01)


async def test_a_process_that_ends_before_the_stop_is_recorded_keeps_the_truth(here: World) -> None:
    ts = await running(here, "send")
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    asked = await here.reply(ts, "did it run?")
    await stop(here, ts)
    assert ended(here) == [("send", "unresolved", 1)]
    assert "Run again" not in asked.buttons
    assert journal(here).count("began send") == 1
