"""What Slack shows of a session is true again after the process was killed at any moment, and Slack's own Stop stops a
turn once, whether its event was taken before the death or is delivered again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest
from tests.crash.plays import perform
from tests.crash.points import SESSIONS
from tests.crash.pressing import STOPPED
from tests.crash.test_crashes import revive, stage
from tests.harness import World

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

ENDS = [
    ("risky", ("before commit: answer#1", "after commit: answer#1")),
    ("risky", ("before session status#2",)),
    ("risky", ("after commit: decide approved#1",)),
    # All else of the turn is done.
    ("safe", ("before session status#2",)),
    ("safe", ("after session status#2",)),
    ("risky", tuple(point for point in SESSIONS if "session status" in point)),
    *(("risky", (point,)) for point in SESSIONS if "session_shown" in point),
]


async def shows(here: World, ts: str, wanted: str) -> None:
    """Wait for what Slack shows, and until the bot has nothing more to say about it."""
    session = (here.general.id, ts)
    await here.until(lambda: here.slack.workspace.sessions.get(session, {}).get("status") == wanted, what=wanted)
    noted = "SELECT 1 FROM posts WHERE kind = 'session'"
    await here.until(lambda: not here.bot.rows(noted), poll=0.02, what="nothing left to say")
    assert here.slack.workspace.sessions[session]["status"] == wanted


@pytest.mark.parametrize(("kind", "points"), ENDS)
async def test_when_the_turn_has_ended_it_is_active_wherever_the_process_died(
    tmp_path: Path, kind: str, points: tuple[str, ...]
) -> None:
    async with stage(tmp_path, kind, points[0]) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, kind, ts, *points[1:])
        if here.bot.starts == len(points):
            await revive(here)
        await here.quiet()
        await shows(here, ts, "active")


@pytest.mark.parametrize("point", ["before commit: take the calls#1", "after commit: take the calls#1"])
async def test_while_a_person_is_waited_for_it_is_suspended_wherever_the_process_died(
    tmp_path: Path, point: str
) -> None:
    async with stage(tmp_path, "risky", point) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await here.bot.ended()
        await here.bot.start(CRASH_AT="")
        await here.reply(ts, "Waiting for you")
        await shows(here, ts, "suspended")


@pytest.mark.parametrize("point", [point for point in SESSIONS if "stop_in" in point])
async def test_a_stop_that_was_cut_off_stops_the_turn_once(tmp_path: Path, point: str) -> None:
    async with stage(tmp_path, "risky", point) as here:

        async def think(request: ChatRequest) -> Answer:
            return await asyncio.get_running_loop().create_future()

        here.model.respond = think
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await here.until(lambda: here.model.requests, what="a request to the model")
        session = (here.general.id, ts)
        await here.until(lambda: here.slack.workspace.sessions.get(session, {}).get("status") == "processing")
        await here.slack.press_stop(here.general, ts, here.alice)
        await here.bot.ended()
        await here.bot.start(CRASH_AT="")
        await here.reply(ts, STOPPED)
        await here.quiet()
        await shows(here, ts, "active")
        assert sum(STOPPED in reply.plain for reply in here.replies(ts)) == 1
        assert here.bot.rows("SELECT count(*) FROM audit WHERE kind = 'stopped'") == [(1,)]
        assert here.bot.rows("SELECT outcome FROM turns") == [("stopped",)]
