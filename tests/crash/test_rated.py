"""What somebody thinks of an answer is kept once, whenever the process is killed, or can be said again."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slack_sandbox.openrouter import text
from tests.crash.points import RATED
from tests.crash.test_crashes import stage

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_an_opinion_is_kept_once_or_can_be_given_again(tmp_path: Path) -> None:
    async with stage(tmp_path, "safe", RATED[0]) as here:
        here.model.respond = lambda request: text("It is 42.")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
        message = await here.reply(ts, "It is 42.")
        for point in (*RATED[1:], ""):
            await here.slack.click(message, "turn.on.feedback", by=here.bob, option="Bad answer")
            if here.bot.starts > 2:  # it has died at both sides of keeping the opinion
                [view] = (await here.until(lambda: here.slack.modals(here.bob), what="a window"))[-1:]
                await here.slack.submit(here.bob, view, {"field.words": {"value": "It is 43."}})
            assert await here.bot.ended() == -signal.SIGKILL
            await here.bot.start(CRASH_AT=point)
            await here.ready()
        assert here.bot.rows("SELECT user, good, words FROM feedback") == [(here.bob.id, 0, "It is 43.")]
