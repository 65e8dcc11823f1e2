"""What a model writes beside its answer is not shown, and an answer that is none is explained in one sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.agent import prompt
from slack_sandbox.openrouter import Answer, calls, text
from slack_sandbox.openrouter import call as made
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        (this.workspace / "a.txt").write_text("four\n")
        yield this


async def asked(here: World, *answers: Answer, says: str) -> str:
    """A question that the model answers like this. Out: all that the bot has said."""
    here.model.script(*answers)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> how much is it?")
    await here.reply(ts, says)
    await here.quiet()
    assert here.model.violations == []
    return "\n".join(reply.plain for reply in here.replies(ts))


def log(here: World) -> str:
    return str(here.bot.rows("SELECT role, body FROM messages WHERE role <> 'system'"))


def written(here: World, **arguments: str) -> str:
    """A call as text."""
    path = {"path": str(here.workspace / "a.txt")} | arguments
    return f"<tool_call>\n{json.dumps({'name': 'filesystem__read_text_file', 'arguments': path})}\n</tool_call>"


@pytest.mark.parametrize("chunks", [1, 7, 1000])
async def test_reasoning_in_the_text_is_neither_shown_nor_kept(here: World, chunks: int) -> None:
    said = await asked(here, text("<think>\nThey want 4.\n</think>\n\nIt is 4.", chunks=chunks), says="It is 4.")
    assert "They want" not in said
    assert "think" not in said
    assert "They want" not in log(here)


async def test_a_call_that_is_written_as_text_is_made(here: World) -> None:
    said = await asked(here, text(f"I look.\n{written(here)}", chunks=30), text("It is 4."), says="It is 4.")
    assert "tool_call" not in said
    assert here.bot.rows("SELECT tool, outcome FROM calls") == [("filesystem__read_text_file", "ok")]
    assert here.model.requests[-1].results == ["four\n"]
    assert "<tool_call>" not in log(here)


async def test_a_call_that_is_written_as_text_needs_the_same_approval(here: World) -> None:
    arguments = {"path": str(here.workspace / "a.txt"), "content": "five\n"}
    leak = f"<tool_call>{json.dumps({'name': 'filesystem__write_file', 'arguments': arguments})}</tool_call>"
    here.model.script(text(leak), text("Done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write it")
    card = await here.reply(ts, "Waiting for you")
    assert (here.workspace / "a.txt").read_text() == "four\n"
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "Done.")
    assert (here.workspace / "a.txt").read_text() == "five\n"


async def test_a_call_that_cannot_be_read_is_asked_for_again_once(here: World) -> None:
    cut = text("I look.\n<tool_call>{'name': 'filesy", chunks=5)
    said = await asked(here, cut, text("It is 4."), says="It is 4.")
    assert here.model.requests[-1].said == prompt.WRITTEN_CALL
    assert "tool_call" not in said
    assert "I look" not in said
    assert "filesy" not in log(here)


async def test_a_call_that_cannot_be_read_twice_is_explained(here: World) -> None:
    cut = text('<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>')
    said = await asked(here, cut, cut, says=prompt.CALL_UNREADABLE)
    assert "get_weather" not in said
    assert "get_weather" not in log(here)
    assert "Retry" in said


async def test_half_an_answer_that_was_filtered_does_not_stand_as_if_it_were_whole(here: World) -> None:
    said = await asked(here, text("It is", finish_reason="content_filter"), says="It is")
    assert prompt.FILTERED in said


async def test_an_answer_that_was_withheld_is_explained_and_not_asked_for_again(here: World) -> None:
    await asked(here, text("", finish_reason="SAFETY"), says=prompt.WITHHELD)
    assert len(here.model.requests) == 1


async def test_a_reply_that_was_used_up_by_reasoning_says_so(here: World) -> None:
    used_up = text("", reasoning="hm " * 50, finish_reason="length")
    said = await asked(here, used_up, used_up, says=prompt.EMPTY_AT_LENGTH_TWICE)
    assert here.model.requests[-1].said == prompt.EMPTY_AT_LENGTH
    assert prompt.EMPTY_TWICE not in said


async def test_reasoning_that_never_ends_says_so_as_well(here: World) -> None:
    used_up = text("<think>" + "hm " * 50, finish_reason="length")
    await asked(here, used_up, text("It is 4."), says="It is 4.")
    assert here.model.requests[-1].said == prompt.EMPTY_AT_LENGTH


async def test_reasoning_content_goes_back_in_the_whole_turn_and_after_it(here: World) -> None:
    read = made("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")})
    thinks = [{"reasoning_content": "I need "}, {"reasoning_content": "the file."}]
    await asked(here, calls(read, deltas=thinks), text("It is 4."), says="It is 4.")
    [kept] = [message for message in here.model.requests[-1].messages if message["role"] == "assistant"]
    assert kept["reasoning_content"] == "I need the file."
