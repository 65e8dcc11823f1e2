"""The first message of a thread is deleted while the bot answers, and nobody says so: what Slack then posts outside of
the thread does not stay there, whenever the process is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, text
from tests.crash.points import GONE
from tests.crash.test_crashes import stage

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_a_reply_that_is_posted_outside_of_its_thread_is_deleted_whenever_the_process_is_killed(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, "safe", GONE[0]) as here:
        here.expected_refusals = ["thread_not_found"]
        here.slack.events.subscriptions.discard("message.channels")

        async def respond(request: ChatRequest) -> Answer:
            [question] = here.general.messages.values()
            await here.slack.delete(here.general, question.ts, here.alice)
            return text("Here is your answer.")

        here.model.respond = respond
        await here.slack.say(here.general, here.alice, "<@BOT> do it")
        for point in (*GONE[1:], ""):
            assert await here.bot.ended() == -signal.SIGKILL
            await here.bot.start(CRASH_AT=point)
        await here.ready()
        await here.quiet()
        assert here.general.top_level == [], "nothing is left in the channel"
        assert len(here.model.requests) == 1
        assert here.bot.rows("SELECT gone <> '' FROM threads") == [(1,)]
        assert here.bot.rows("SELECT outcome, stopped_by FROM turns") == [("answered", "")]
        posts = [call for call in here.slack.calls if call.method == "chat.postMessage"]
        assert len(posts) <= len(GONE), "it is looked for before it is posted again"
