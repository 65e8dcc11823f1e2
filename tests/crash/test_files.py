"""The process is killed when a turn is opened to read the files of its request, and started again: the request is
answered once, with its file."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slack_sandbox.openrouter import text
from tests.crash.points import OPENING
from tests.crash.test_crashes import stage

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_a_turn_that_was_opened_to_read_files_goes_on_after_a_death(tmp_path: Path) -> None:
    first, *further = OPENING
    async with stage(tmp_path, "safe", first) as here:
        here.model.respond = lambda request: text("Understood.")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> look", files=[("report.txt", b"Hello")])
        for point in (*further, ""):
            assert await here.bot.ended() == -signal.SIGKILL
            await here.bot.start(CRASH_AT=point)
        await here.ready()
        await here.reply(ts, "Understood.")
        await here.quiet()
        assert here.bot.rows("SELECT outcome FROM turns") == [("answered",)]
        assert len(here.replies(ts)) == 1
        [request] = here.model.requests
        assert "Hello" in str(request.messages[-1]["content"])
