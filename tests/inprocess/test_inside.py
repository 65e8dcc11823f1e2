"""The world inside the tests' process is as strict, and as unreliable, as the one with a bot process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


async def test_a_click_leads_to_the_file_and_all_that_was_sent_is_in_the_journals(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        target = here.workspace / "a.txt"
        write = call("filesystem__write_file", {"path": str(target), "content": "hello"})
        here.model.script(calls(write), text("Written."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "Written.")
        await here.quiet()
        assert target.read_text() == "hello"
        assert len(here.model.requests) == 2
        called = {each.method for each in here.slack.calls}
        assert {"auth.test", "users.info", "chat.postMessage", "chat.update"} <= called
        assert all(sent.acked_at for sent in here.slack.envelopes)


async def test_what_slack_would_refuse_is_refused_and_fails_the_test(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        here.slack.workspace.people.pop(here.alice.id)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "…")
        await here.quiet()
        with pytest.raises(AssertionError, match=r"users\.info: user_not_found"):
            here.check()
        here.expected_refusals.append("users.info")


async def test_a_connection_that_breaks_is_one_to_the_bot(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        here.slack.faults.add("users.info", "drop_before")
        here.model.respond = lambda request: text(f"Hello {request.said.partition(':')[0]}.")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "Alice Smith")
        await here.quiet()
        assert [each.fault for each in here.slack.calls if each.method == "users.info"][:2] == ["drop_before", None]


async def test_the_bot_is_not_quiet_while_the_model_thinks(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        assert isinstance(here.bot, BotInside)
        asked, told = asyncio.Event(), asyncio.Event()

        async def think(request: ChatRequest) -> Completion:
            asked.set()
            await told.wait()
            return text("Well.")

        here.model.respond = think
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await asyncio.wait_for(asked.wait(), 10)
        with pytest.raises(TimeoutError):
            await here.quiet(0.05)
        told.set()
        await here.reply(ts, "Well.")
        await here.quiet()
        assert here.bot.idle


async def test_a_wrong_setting_ends_the_start_and_a_bot_may_be_started_again(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        await here.bot.start(OPENROUTER_MODEL=",")
        assert await here.bot.ended() == 2
        assert "OPENROUTER_MODEL" in here.bot.log
        await here.bot.start()
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "…")
        await here.bot.stop()
        assert not here.slack.hub.ready
        await here.bot.start()
        here.model.script(text("I am back."))
        await here.slack.say(here.general, here.alice, "<@BOT> hello", thread_ts=ts)
        await here.reply(ts, "I am back.")
        await here.quiet()
