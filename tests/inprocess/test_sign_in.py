"""Calls with people's own accounts: a call waits until its person has signed in, and that very call goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World
from tests.inprocess.world import inside
from tests.remote import Remote, remote

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

KEY = "a-key-that-is-long-enough-for-the-tests"


@asynccontextmanager
async def opened(folder: Path, **entry: Any) -> AsyncGenerator[tuple[World, Remote]]:
    """A bot with a server to which people sign in, besides the files."""
    async with remote() as server, inside(folder, start=False, BOT_SECRET_KEY=KEY) as here:
        (here.bot.home / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": server.entry(**entry)}}))
        here.model.respond = asks("notes__connect")
        await here.bot.start()
        yield here, server


def asks(tool: str, **arguments: Any) -> Any:
    """A model that makes one call and then answers."""

    def respond(request: ChatRequest) -> Answer:
        last = request.messages[-1]
        if last["role"] == "tool":
            return text(f"It said: {last['content']}")
        return calls(call(tool, arguments))

    return respond


def asked(here: World, who: Person) -> list[Message]:
    """The messages that ask a person to sign in."""
    return [each for each in here.slack.open_dm(who).messages.values() if "Connect to" in each.plain]


def link(message: Message) -> str:
    """Where the button Connect leads."""
    buttons = [each for block in message.blocks for each in block.get("elements", []) if "url" in each]
    return buttons[0]["url"]


async def question(here: World, who: Person) -> Message:
    """The open question to a person, once it is there."""
    await here.until(lambda: any("Not now" in each.buttons for each in asked(here, who)), what="a question", poll=0.01)
    return next(each for each in asked(here, who) if "Not now" in each.buttons)


async def paste(here: World, who: Person, message: Message, address: str) -> str:
    """Paste an address into the window of a question. Out: what is said to be wrong with it."""
    if not here.slack.modals(who):
        await here.slack.click(message, "Paste the address…", by=who)
        await here.until(lambda: here.slack.modals(who), what="the window", poll=0.01)
    ack = await here.slack.submit(who, here.slack.modals(who)[-1], {"field.address": {"value": address}})
    return " ".join((ack or {}).get("errors", {}).values())


async def test_a_call_goes_on_once_its_person_has_pasted_the_address(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> who am I?")
        message = await question(here, here.alice)
        await paste(here, here.alice, message, server.consent(link(message), "alice"))
        answer = await here.reply(ts, "It said:")
        assert "Connected" in answer.plain
