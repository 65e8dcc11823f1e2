"""A process that is killed while it streams an answer, and around Retry: the answer is there whole and once, nothing is
left streaming, and what ran before is not run again."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slack_sandbox.openrouter import failure
from tests.crash.plays import FINISHED, STREAMED, perform, respond
from tests.crash.points import around, commits
from tests.crash.test_crashes import check, revive, stage
from tests.harness import World

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.mark.parametrize("point", around("start stream", "append stream", "stop stream"))
async def test_a_streamed_answer_is_there_whole_and_once(tmp_path: Path, point: str) -> None:
    async with stage(tmp_path, "streamed", point) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, "streamed", ts)
        if here.bot.starts == 1:
            await revive(here)
        assert here.bot.starts == 2, "it died"
        if point == "after stop stream#1":  # which only Slack knows
            here.expected_refusals.append("chat.stopStream: message_not_in_streaming_state")
        await here.quiet()
        check(here, "streamed", ts)
        thread = here.slack.thread(here.general, ts)
        ours = [each for each in thread if each.user == here.slack.bot_user_id]
        said = " ".join(block["text"] for each in ours for block in each.blocks or [] if block["type"] == "markdown")
        assert said.split() == STREAMED.split()
        assert not any(each.streaming for each in ours)
        assert "in_progress" not in str([each.blocks for each in ours])


async def fails(here: World) -> str:
    """A turn that fails after one call, since the model cannot be paid. Out: its thread."""
    answer = respond(here, "safe")
    here.model.respond = lambda request: (
        failure(402) if any(message["role"] == "tool" for message in request.messages) else answer(request)
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    await here.until(lambda: "Retry" in str([each.blocks for each in here.replies(ts)]), what="Retry")
    await here.quiet()
    here.model.respond = answer
    return ts


RETRY = [
    *commits("decide retried", "answer"),
    *("before model request#3", "after model request#2"),
    *around("update turn", "post turn#2"),
]


@pytest.mark.parametrize("point", RETRY)
async def test_another_try_is_made_once(tmp_path: Path, point: str) -> None:
    async with stage(tmp_path, "safe", point) as here:
        ts = await fails(here)
        for _ in range(2):
            [failed] = [each for each in here.replies(ts) if "credits" in each.plain]
            if "'Retry'" in str(failed.blocks) and FINISHED not in str([each.plain for each in here.replies(ts)]):
                await here.slack.click(failed, "Retry", by=here.alice)
            if here.bot.starts == 1:
                assert await here.bot.ended() == -signal.SIGKILL
                await here.bot.start(CRASH_AT="")
                await here.ready()
                await here.quiet()
        await here.reply(ts, FINISHED)
        await here.quiet()
        check(here, "safe", ts)
        assert here.bot.rows("SELECT attempts FROM calls") == [(1,)]
        assert here.bot.rows("SELECT outcome FROM turns") == [("answered",)]
        assert "'Retry'" not in str([each.blocks for each in here.replies(ts)])
