"""A way to fail that is added from outside: people read its sentence, and one that passes is tried again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.errors import ModelError, ModelUnavailable
from bot.model.failures import SHAPES, Report
from bot.model.openrouter import OpenRouter
from slack_sandbox.openrouter import ModelSandbox, failure, text
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


class RegionClosed(ModelError):
    """The model may not be used from where the bot runs."""

    fix = "Everything in this thread is kept: ask whoever runs the bot for another model."


class Maintained(ModelUnavailable):
    """The model is being maintained."""


def region_closed(report: Report) -> type[ModelError] | None:
    """As no provider says it to the bot yet: a status of its own."""
    return RegionClosed if report.status == 451 else None


def maintained(report: Report) -> type[ModelError] | None:
    """By its words, whatever its type says."""
    return Maintained if report.answered and "maintenance window" in report.words else None


@pytest.fixture
async def model() -> AsyncGenerator[ModelSandbox]:
    async with ModelSandbox() as this:
        yield this
        assert this.violations == []


@pytest.fixture
async def here(model: ModelSandbox, tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        assert isinstance(this.bot, BotInside)
        this.bot.model_of = lambda loaded: OpenRouter(
            api_key=model.api_key,
            base_url=model.base_url,
            models=loaded.models,
            pause_seconds=0.001,
            shapes=(region_closed, maintained, *SHAPES),
        )
        await this.bot.start()
        yield this


async def test_people_read_its_sentence_and_what_they_can_do(here: World, model: ModelSandbox) -> None:
    model.script(failure(451, message="Not available in your region."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    told = await here.reply(ts, "The model may not be used from where the bot runs.")
    assert RegionClosed.fix in told.plain
    assert "region" not in told.plain, "what the provider says is for the log"
    assert len(model.requests) == 1, "it does not pass"


async def test_one_that_passes_is_tried_again(here: World, model: ModelSandbox) -> None:
    model.script(failure(503, message="We are in a maintenance window."), text("Here I am."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "Here I am.")
    assert len(model.requests) == 2


async def test_one_that_does_not_pass_in_time_is_told(here: World, model: ModelSandbox) -> None:
    model.respond = lambda request: failure(503, message="We are in a maintenance window.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "The model is being maintained.")


async def test_what_it_does_not_recognise_is_told_as_ever(here: World, model: ModelSandbox) -> None:
    model.respond = lambda request: failure(401)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "does not accept the bot's key")
