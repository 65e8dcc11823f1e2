"""Turns that several kinds of tests need: one that waits for a decision, one in a request to the model; and how turns
ended."""

from __future__ import annotations

import asyncio

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text
from tests.harness import World


def write(here: World, name: str = "a.txt") -> Completion:
    """A call that people are asked about."""
    return calls(call("filesystem__write_file", {"path": str(here.workspace / name), "content": "x"}))


async def waiting(here: World, who: Person | None = None) -> tuple[str, Message]:
    """A turn that waits for a decision. Out: its thread, and the card."""
    here.model.script(write(here), text("Written."))
    ts = await here.slack.say(here.general, who or here.alice, "<@BOT> write")
    return ts, await here.reply(ts, "Waiting for you")


async def thinking(here: World, who: Person | None = None) -> tuple[str, asyncio.Event]:
    """A turn whose request to the model is under way. Out: its thread, and what ends the request."""
    asked, ends = asyncio.Event(), asyncio.Event()

    async def think(request: ChatRequest) -> Completion:
        asked.set()
        await ends.wait()
        return text("The answer.")

    here.model.respond = think
    ts = await here.slack.say(here.general, who or here.alice, "<@BOT> think about it")
    await asyncio.wait_for(asked.wait(), 10)
    return ts, ends


def outcomes(here: World) -> list[str]:
    """How turns have ended, in their order."""
    return [row[0] for row in here.bot.rows("SELECT outcome FROM turns WHERE ended_at IS NOT NULL ORDER BY id")]
