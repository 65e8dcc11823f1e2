"""The model asks the requester: with buttons, in a window, or answered in the thread. It is never an approval."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
QUESTION = "Which <!channel> *way*?"
WAYS = {"question": QUESTION, "options": ["The long road", "The short cut"]}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


async def ask(here: World, *arguments: dict[str, object]) -> tuple[str, list[Message]]:
    """A turn in which the model asks. Out: its thread, and the questions."""
    here.model.script(calls(*(call("ask_person", each) for each in arguments)), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> find the way")
    await here.until(lambda: len(asked(here, ts)) == len(arguments), what="the questions")
    await here.quiet()
    return ts, asked(here, ts)


def asked(here: World, ts: str) -> list[Message]:
    return [reply for reply in here.replies(ts) if reply.buttons]


def results(here: World) -> list[str]:
    """What the model read last as the results of its calls."""
    return [each["content"] for each in here.model.requests[-1].messages if each["role"] == "tool"]


def rows(here: World, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in here.bot.rows(query)]


async def test_a_button_gives_the_answer_and_the_tool_is_offered_under_its_name(here: World) -> None:
    ts, [message] = await ask(here, WAYS)
    assert message.buttons == ["The long road", "The short cut", "Something else…"]
    assert "Which <!channel> *way*?" in message.plain
    assert "ask_person" in [tool["function"]["name"] for tool in here.model.requests[0].tools]
    await here.slack.click(message, "The short cut", by=here.alice)
    await here.reply(ts, "All done.")
    assert results(here) == ["The short cut"]
    await here.until(lambda: not message.buttons, what="a closed question")
    assert "The short cut" in message.plain
