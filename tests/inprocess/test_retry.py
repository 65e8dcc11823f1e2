"""A turn that ends without an answer says why, and is continued by its Retry button where that may help."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.errors import (
    ContextTooLong,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnpaid,
)
from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.model import NearModel
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

MAY_HELP = (ModelUnavailable, ModelRateLimited, ModelUnpaid, ModelError, ContextTooLong)
OTHERS_FIX = (ModelUnauthorized, ModelRefused)


class Failing(NearModel):
    """Fails for as long as it has an error."""

    error: ModelError | None = None

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        if Failing.error is not None:
            raise Failing.error
        return await super().complete(request, on_text)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    Failing.error = None
    async with inside(tmp_path, start=False) as this:
        bot = this.bot
        assert isinstance(bot, BotInside)
        bot.model_of = lambda settings: Failing(
            this.model, api_key=settings.openrouter_api_key, base_url=this.model.base_url, models=settings.models
        )
        await bot.start()
        yield this


def has_button(message: Message) -> bool:
    return "'Retry'" in str(message.blocks)


def turns(here: World) -> list[Any]:
    return here.bot.rows("SELECT outcome FROM turns ORDER BY id")


def roles(here: World) -> list[str]:
    return [str(row[0]) for row in here.bot.rows("SELECT role FROM messages ORDER BY thread_id, seq")]


def said_to(here: World, who: Any) -> str:
    return here.slack.ephemerals(who)[-1].plain


async def failed(here: World, kind: type[ModelError] = ModelUnavailable) -> tuple[str, Message]:
    """A turn that fails after one step. Out: its thread, and the part of its message that says so."""
    (here.workspace / "a.txt").write_text("one\n")
    before = len(here.model.requests)

    def respond(request: Any) -> Any:
        Failing.error = kind("the reason")
        return calls(call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")}))

    here.model.respond = respond
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read it")
    message = copy.deepcopy(await here.reply(ts, kind("").sentence))
    await here.quiet()
    assert len(here.model.requests) == before + 1
    Failing.error = None
    here.model.respond = lambda request: text("It says one.")
    return ts, message


@pytest.mark.parametrize("kind", MAY_HELP)
async def test_retry_continues_the_same_turn_and_nothing_that_ran_runs_again(
    here: World, kind: type[ModelError]
) -> None:
    ts, message = await failed(here, kind)
    assert "Everything in this thread is kept" in message.plain
    assert has_button(message)
    logged = roles(here)
    await here.slack.click(message, "Retry", by=here.alice)
    answer = await here.reply(ts, "It says one.")
    await here.quiet()
    assert answer.ts > message.ts, "what follows is below"
    assert turns(here) == [("answered",)]
    assert roles(here) == [*logged, "assistant"], "the request is in the log once"
    assert here.bot.rows("SELECT attempts FROM calls") == [(1,)]
    first = next(each for each in here.replies(ts) if each.ts == message.ts)
    assert not has_button(first)
    assert "I have tried again since." in first.plain


@pytest.mark.parametrize("kind", OTHERS_FIX)
async def test_where_another_try_cannot_help_there_is_no_button_and_it_says_who_or_what_can(
    here: World, kind: type[ModelError]
) -> None:
    ts, message = await failed(here, kind)
    assert not has_button(message)
    assert kind.fix in message.plain
    assert "Retry" not in message.plain
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.reply(ts, "It says one.")
    await here.quiet()
    assert turns(here) == [("failed",), ("answered",)]


async def test_it_is_pressed_once_however_often_it_is_sent(here: World) -> None:
    ts, message = await failed(here)
    await here.slack.click(message, "Retry", by=here.alice)
    await here.slack.click_raw(message, "Retry", by=here.alice)
    await here.reply(ts, "It says one.")
    await here.quiet()
    await here.slack.click_raw(message, "Retry", by=here.alice)
    await here.quiet()
    assert turns(here) == [("answered",)]
    assert "nothing more to do" in said_to(here, here.alice)


async def test_who_takes_part_may_press_it_and_others_are_told_why_not(here: World) -> None:
    ts, message = await failed(here)
    await here.slack.click(message, "Retry", by=here.bob)
    await here.quiet()
    assert "Only the people who asked can have me try again" in said_to(here, here.bob)
    assert turns(here) == [("failed",)]
    outside = here.slack.add_outside_team()
    dana = here.slack.add_person("Dana", team_id=outside)
    here.slack.workspace.join(here.general, dana)
    await here.slack.click(message, "Retry", by=dana)
    await here.quiet()
    assert turns(here) == [("failed",)]
    await here.slack.click(message, "Retry", by=here.alice)
    await here.reply(ts, "It says one.")
    await here.quiet()


async def test_pressed_after_the_thread_went_on_it_says_so_in_one_sentence(here: World) -> None:
    ts, message = await failed(here)
    await here.slack.say(here.general, here.alice, "please read it", thread_ts=ts)
    await here.reply(ts, "It says one.")
    await here.quiet()
    first = next(each for each in here.replies(ts) if each.ts == message.ts)
    assert not has_button(first), "the button goes once another turn begins"
    await here.slack.click_raw(message, "Retry", by=here.alice)
    await here.quiet()
    assert "gone on since" in said_to(here, here.alice)
    assert turns(here) == [("failed",), ("answered",)]


async def test_it_fails_again_with_a_button_of_its_own(here: World) -> None:
    ts, message = await failed(here)
    Failing.error = ModelRateLimited("again")
    await here.slack.click(message, "Retry", by=here.alice)
    second = await here.reply(ts, "limiting our requests")
    await here.quiet()
    assert has_button(second)
    Failing.error = None
    await here.slack.click(second, "Retry", by=here.alice)
    await here.reply(ts, "It says one.")
    await here.quiet()
    assert turns(here) == [("answered",)]


async def test_an_empty_answer_twice_has_it_too(here: World) -> None:
    here.model.respond = lambda request: text(" ")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    message = await here.reply(ts, "empty answer twice")
    await here.quiet()
    assert has_button(message)
    here.model.respond = lambda request: text("Hello.")
    await here.slack.click(message, "Retry", by=here.alice)
    await here.reply(ts, "Hello.")
    await here.quiet()
    assert turns(here) == [("answered",)]


async def test_a_click_is_kept_when_the_bot_is_killed_before_it_has_asked_the_model(here: World) -> None:
    ts, message = await failed(here)
    await here.slack.click(message, "Retry", by=here.alice)
    await here.bot.kill()
    await here.bot.start()
    await here.reply(ts, "It says one.")
    await here.quiet()
    assert turns(here) == [("answered",)]
    assert here.bot.rows("SELECT attempts FROM calls") == [(1,)]


async def test_a_request_that_was_deleted_is_not_retried(here: World) -> None:
    ts, message = await failed(here)
    await here.slack.delete(here.general, ts, here.alice)
    await here.until(lambda: here.open_approvals(ts) == 0, what="the question to be closed", poll=0.01)
    await here.slack.click_raw(message, "Retry", by=here.alice)
    await here.quiet()
    assert turns(here) == [("failed",)]


@pytest.mark.parametrize("value", ['{"parked": "retry-turn-1-0001", "x": 1}', '{"parked": "retry-turn-9-0001"}', "1"])
async def test_a_forged_button_retries_nothing(here: World, value: str) -> None:
    _, message = await failed(here)
    await here.slack.click_raw(message, {"action_id": "turn.retry", "type": "button", "value": value}, by=here.alice)
    await here.quiet()
    assert turns(here) == [("failed",)]
