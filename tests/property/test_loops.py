"""Whatever raises, wherever and however often: the model is asked three times at most about the same log, and then the
thread is parked, with one sentence, until a person takes it up again. Then it goes on, and answers once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.agent.prompt import SORRY
from bot.core.transaction import Usage
from tests.property.failing import Failing, Faults
from tests.property.test_settling import FOLDER

CANNOT_PARK = ("store.failed", "store.park")
"""While the database refuses these, nothing can be parked; nothing is asked of the model either."""


def run(faults: Faults, story: Callable[[Failing], Awaitable[None]]) -> None:
    """Tell a story of a bot whose parts raise where it is wanted."""

    async def told() -> None:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            bot = Failing(Path(folder, "bot.db"))
            await bot.begin(faults)
            try:
                await story(bot)
                assert bot.world.faults == []
            finally:
                await bot.stop()

    asyncio.run(told())


def names() -> list[str]:
    """Every call of a part that one turn awaits."""
    faults = Faults()
    run(faults, Failing.asked)
    return faults.made


NAMES = names()


def test_the_turn_that_fails_here_and_there_awaits_every_part() -> None:
    assert {name.partition(".")[0] for name in NAMES} == {"store", "toolset", "gateway", "model"}
    wanted = ("read the inbox", "take the calls", "answer the calls", "finish a call", "start a call", "answer")
    assert {f"store.commit ({each})" for each in wanted} <= set(NAMES)
    assert "store.commit (try again)" not in NAMES, "a turn that goes well pays no commit for counting"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", [*dict.fromkeys(NAMES), *CANNOT_PARK])
def test_a_call_that_always_raises_costs_three_requests_and_retry_goes_on(name: str, after: bool) -> None:
    async def story(bot: Failing) -> None:
        await bot.asked()
        assert bot.requests <= 3
        if bot.parked:
            assert bot.parked == 1
            assert bot.said("Done.") == 0
            assert bot.said(SORRY) <= 1
            bot.reader.asked.clear()
            await bot.retried()
            assert bot.requests <= 3
        # What raises after it was written down has done its part, and is not needed once more.
        assert bot.said("Done.") == 1, bot.faults.made
        assert bot.button("turn.retry") is None

    run(Faults(lambda _, called, done: (called, done) == (name, after)), story)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("times", [2, 5])
def test_calls_that_raise_now_and_then_cost_no_more_than_three_requests(times: int, after: bool) -> None:
    # Every call is among those that raise.
    for first in range(1, len(NAMES) + 1, 2 if times == 2 else 3):

        async def story(bot: Failing, first: int = first) -> None:
            await bot.asked()
            assert bot.requests <= 3, first
            assert bot.parked <= 1, first
            if bot.button("turn.retry"):
                await bot.retried()
            assert bot.said("Done.") == 1, first

        run(Faults(lambda number, _, done, first=first: first <= number < first + times and done == after), story)


def test_a_number_that_the_database_does_not_take_costs_three_requests() -> None:
    async def story(bot: Failing) -> None:
        bot.reader.usage = Usage(prompt_tokens=10**30)
        await bot.asked()
        assert (bot.requests, bot.parked) == (3, 1)
        bot.reader.usage = Usage()
        await bot.retried()
        assert bot.said("Done.") == 1

    run(Faults(), story)


@pytest.mark.parametrize("name", dict.fromkeys(NAMES))
def test_three_requests_are_all_even_when_failures_cannot_be_counted(name: str) -> None:
    async def story(bot: Failing) -> None:
        await bot.asked()
        assert bot.requests <= 3
        assert bot.parked <= 1

    run(Faults(lambda _, called, done: (called, done) in ((name, True), ("store.failed", False))), story)
