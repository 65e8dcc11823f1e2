"""What the bot does and says for one request is one message, and two where a person was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bot.core.ports.model import ModelRequest, Reply, TextListener
from slack_sandbox.model import Message
from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, failure, text
from tests.harness import World
from tests.inprocess.model import NearModel
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SECRET = "the-secret"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


async def warm(here: World) -> None:
    """Let the first turn load what later ones have."""
    here.model.script(text("Hello."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "Hello.")
    await here.quiet()


def read(here: World, name: str = "a.txt") -> Any:
    return call("filesystem__read_text_file", {"path": str(here.workspace / name)})


def write(here: World, name: str = "b.txt") -> Any:
    return call("filesystem__write_file", {"path": str(here.workspace / name), "content": "new"})


def kinds(message: Message) -> list[str]:
    return [str(block["type"]) for block in message.blocks or []]


def tasks(message: Message) -> list[tuple[str, str]]:
    return [(block["title"], block["status"]) for block in message.blocks or [] if block["type"] == "task_card"]


def count(here: World, method: str, since: int) -> int:
    return sum(each.method == method for each in here.slack.calls[since:])


async def test_steps_and_answer_are_one_message_that_is_posted_once(here: World) -> None:
    await warm(here)
    (here.workspace / "a.txt").write_text("one\ntwo\n")
    since = len(here.slack.calls)
    here.model.script(calls(read(here), read(here), text="Let me look."), text("It says **one**."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> what does it say?")
    await here.reply(ts, "It says")
    await here.quiet()
    [said] = here.replies(ts)
    assert kinds(said) == ["markdown", "task_card", "task_card", "markdown", "context_actions", "actions"]
    assert [status for _, status in tasks(said)] == ["complete", "complete"]
    assert "read_text_file" not in str(tasks(said))
    assert str(here.workspace) not in str(tasks(said))
    assert (count(here, "chat.postMessage", since), count(here, "chat.update", since)) == (1, 0)


async def test_with_an_approval_there_are_two_and_what_follows_is_below(here: World) -> None:
    await warm(here)
    (here.workspace / "a.txt").write_text("one\n")
    here.model.script(
        calls(read(here)), calls(write(here), read(here), text="I will write it."), text("It is written.")
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write it")
    await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
    await here.quiet()
    [card] = here.replies(ts)
    assert len(tasks(card)) == 2, "what ran beside the request is above it"
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()
    first, second = here.replies(ts)
    assert first.ts == card.ts
    assert "actions" in kinds(first), "it can be undone there"
    assert kinds(second)[0] == "markdown"
    assert tasks(second) == [], "what was approved is said on its card"


class Slow(NearModel):
    """Writes a word at a time, and goes on when it may."""

    half, rest = asyncio.Event(), asyncio.Event()

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        reply = await super().complete(request)
        words = str(reply.message["content"]).split(" ")
        for number, word in enumerate(words):
            if on_text is not None:
                on_text.add(f"{word} ")
            if number == len(words) // 2:
                self.half.set()
                await self.rest.wait()
        return reply


async def test_an_answer_that_takes_long_is_seen_while_it_is_written(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        assert isinstance(here.bot, BotInside)
        Slow.half, Slow.rest = asyncio.Event(), asyncio.Event()
        here.bot.model_of = lambda loaded: Slow(
            here.model, api_key=loaded.openrouter_api_key, base_url="", models=loaded.models
        )
        await here.bot.start()
        words = " ".join(f"word{number}" for number in range(40))
        here.model.script(text(words))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> tell me")
        await asyncio.wait_for(Slow.half.wait(), 10)
        begun = await here.reply(ts, "word19")
        assert "word30" not in begun.plain
        Slow.rest.set()
        await here.until(lambda: "word39" in here.replies(ts)[0].plain, what="all of it")
        await here.quiet()
        [said] = here.replies(ts)
        assert said.ts == begun.ts
        assert [block["text"] for block in said.blocks or [] if block["type"] == "markdown"] == [words]
        assert "chat.stopStream" in [each.method for each in here.slack.calls]


@pytest.mark.parametrize("moment", ["while it is written", "while its stream starts"])
async def test_a_half_written_answer_that_is_found_in_the_thread_after_an_outage_is_no_context(
    tmp_path: Path, moment: str
) -> None:
    async with inside(tmp_path, start=False) as here:
        assert isinstance(here.bot, BotInside)
        Slow.half, Slow.rest = asyncio.Event(), asyncio.Event()
        here.bot.model_of = lambda loaded: Slow(
            here.model, api_key=loaded.openrouter_api_key, base_url="", models=loaded.models
        )
        await here.bot.start()
        here.model.script(text(" ".join(f"word{number}" for number in range(40))), text("Fine."))
        reads = 0

        def is_read(_: object) -> None:
            nonlocal reads
            reads += 1

        async def outage(*_: object) -> None:
            async with here.slack.offline(hold=True):
                pass
            await here.slack.connected()
            await here.until(lambda: reads, what="a reading of the thread", poll=0.001)
            with contextlib.suppress(AssertionError):  # what is read waits for what is being sent
                await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox")[1:], timeout=0.2, poll=0.01)

        here.slack.on_call("conversations.replies", after=is_read)
        if moment == "while its stream starts":
            here.slack.on_call("chat.startStream", after=outage)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> tell me")
        await asyncio.wait_for(Slow.half.wait(), 10)
        [begun] = [await here.reply(ts, "word0")]
        assert begun.metadata is None, "nothing says that it is a post of the bot's"
        if moment == "while it is written":
            await outage()
        await here.until(lambda: here.bot.rows("SELECT 1 FROM threads WHERE heard > 0"), what="its end", poll=0.01)
        assert here.bot.rows("SELECT count(*) FROM inbox") == [(1,)]
        Slow.rest.set()
        await here.quiet()


async def test_a_long_answer_goes_on_in_further_messages_and_is_there_once(here: World) -> None:
    lines = [f"line {number} " + "x" * 60 for number in range(350)]
    here.model.script(text("\n\n".join(lines)))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> tell me")
    await here.reply(ts, lines[-1])
    await here.quiet()
    said = "\n\n".join(
        block["text"] for reply in here.replies(ts) for block in reply.blocks or [] if block["type"] == "markdown"
    )
    assert said.split("\n\n") == lines
    assert [kinds(reply).count("context_actions") for reply in here.replies(ts)] == [0, 0, 1]


async def test_a_failure_says_why_below_what_was_done_and_offers_to_try_again(here: World) -> None:
    await warm(here)
    (here.workspace / "a.txt").write_text("one\n")
    here.model.script(calls(read(here)), failure("status"))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
    await here.until(lambda: [each for each in here.replies(ts) if "actions" in kinds(each)], what="the end")
    await here.quiet()
    [said] = here.replies(ts)
    assert tasks(said)[0][1] == "complete"
    assert "Everything in this thread is kept" in said.plain
    assert "Retry" in said.plain


@pytest.mark.parametrize("writes", [False, True])
async def test_a_stop_says_what_was_changed(here: World, writes: bool) -> None:
    await warm(here)
    asked = asyncio.Event()
    steps = 0

    async def think(request: ChatRequest) -> Completion:
        nonlocal steps
        steps += 1
        if steps == 1 and writes:
            return calls(write(here))
        asked.set()
        await asyncio.sleep(3600)
        return text("Too late.")

    here.model.respond = think
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    if writes:
        await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
        await here.quiet()
        await here.slack.click(here.replies(ts)[0], "Approve", by=here.alice)
    await asyncio.wait_for(asked.wait(), 10)
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    said = await here.reply(ts, "Stopped.")
    await here.quiet()
    if writes:
        assert "Done before that:" in said.plain
        assert "b.txt" in said.plain
    else:
        assert "Stopped. Nothing was changed." in said.plain
        assert len(here.replies(ts)) == 1


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncGenerator[World]:
    """An app that is not declared an agent: Slack shows no status, so the message says that the bot works."""
    async with inside(tmp_path, start=False) as this:
        this.slack.scopes.discard("assistant:write")
        await this.bot.start()
        yield this


async def test_its_menu_stops_a_turn_for_who_has_asked_alone(plain: World) -> None:
    here = plain
    await warm(here)
    asked = asyncio.Event()

    async def think(request: ChatRequest) -> Completion:
        asked.set()
        await asyncio.sleep(3600)
        return text("Too late.")

    here.model.respond = think
    ts = await here.slack.say(here.general, here.alice, "<@BOT> think")
    await asyncio.wait_for(asked.wait(), 10)

    def shown() -> list[Message]:
        thread = here.slack.thread(here.general, ts)
        return [message for message in thread if message.bot_id == here.slack.bot_id and "actions" in kinds(message)]

    await here.until(shown, what="the message with its menu")
    await here.slack.click(shown()[0], "turn.on.menu", by=here.bob, option="Stop")
    await here.until(lambda: "Only who asked for this" in str(here.slack.calls[-1].args), what="a refusal")
    await here.slack.click(shown()[0], "turn.on.menu", by=here.alice, option="Stop")
    await here.reply(ts, "Stopped. Nothing was changed.")
    await here.quiet()
    assert len(here.replies(ts)) == 1


@pytest.mark.parametrize("privacy", ["full", "summary", "private"])
async def test_steps_and_details_show_no_more_than_the_conversation_may_see(tmp_path: Path, privacy: str) -> None:
    async with inside(tmp_path, start=False) as here:
        (here.bot.home / "bot.toml").write_text(f'[agent]\nprivacy = "{privacy}"\n')
        await here.bot.start()
        (here.workspace / f"{SECRET}.txt").write_text("content of it\n")
        here.model.script(
            calls(read(here, f"{SECRET}.txt"), read(here, f"{SECRET}.txt"), cost=0.25), text("I have read it.")
        )
        ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
        await here.reply(ts, "I have read it.")
        await here.quiet()
        [said] = here.replies(ts)
        assert (SECRET in str(tasks(said))) == (privacy == "full")
        if privacy == "private":
            assert tasks(said) == [("Did 2 things", "complete")]
        for who, may in ((here.alice, True), (here.bob, privacy == "full")):
            await here.slack.click(said, "turn.on.menu", by=who, option="Details…")
            await here.quiet()
            window = str(here.slack.calls[-1].args)
            assert here.slack.calls[-1].method == "views.open"
            assert (SECRET in window and "content of it" in window) == may
            costs = ("request: $0.2500" in window, "same request as 1" in window, "$" in window)
            assert costs == (may, may, may), "what the step has cost is among its details"


async def test_after_a_restart_it_goes_on_in_the_same_message(here: World) -> None:
    await warm(here)
    (here.workspace / "a.txt").write_text("one\n")
    asked, steps = asyncio.Event(), 0

    async def think(request: ChatRequest) -> Completion:
        nonlocal steps
        steps += 1
        if steps == 1:
            return calls(read(here))
        if steps == 2:
            asked.set()
            await asyncio.sleep(3600)
        return text("It says one.")

    here.model.respond = think
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
    await asyncio.wait_for(asked.wait(), 10)
    assert isinstance(here.bot, BotInside)
    await here.bot.stop()
    await here.bot.start()
    await here.reply(ts, "It says one.")
    await here.quiet()
    [said] = here.replies(ts)
    assert [status for _, status in tasks(said)] == ["complete"]
