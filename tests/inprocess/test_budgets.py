"""Budgets: nothing is asked of the model once one is used up; operators may allow more, and turns that wait go on."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.core.budget import Budget
from bot.core.periods import day
from bot.core.ports.meter import Meter
from bot.core.ports.model import TextListener
from bot.core.transaction import Usage
from bot.model.stream_accumulator import Accumulator
from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.model import NearModel
from tests.inprocess.turns import outcomes
from tests.inprocess.world import BotInside, inside

if TYPE_CHECKING:
    from bot.model.client import Client

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

COST = 0.25


@asynccontextmanager
async def opened(folder: Path, budgets: str, operators: str = "", *, start: bool = True) -> AsyncGenerator[World]:
    """A bot with these budgets; in `operators`, `{bob}` and `{carol}`, who is in no channel, stand for ids."""
    async with inside(folder, start=False) as here:
        carol = here.slack.add_person("Carol Chief")
        named = operators.format(bob=here.bob.id, carol=carol.id)
        toml = f"[agent]\noperators = [{named}]\n" if operators else ""
        (here.bot.home / "bot.toml").write_text(f"{toml}[budgets]\n{budgets}\n")
        here.model.respond = lambda request: text("Answer.", cost=COST)
        if start:
            await here.bot.start()
        yield here


def person(here: World, name: str) -> Person:
    return next(each for each in here.slack.workspace.people.values() if each.name == name)


async def ask(here: World, who: Person | None = None) -> str:
    return await here.slack.say(here.general, who or here.alice, "<@BOT> hello")


def ledger(here: World) -> float:
    return float(here.bot.rows("SELECT coalesce(sum(cost), 0) FROM costs")[0][0])


async def test_an_answer_is_in_the_ledger_once(tmp_path: Path) -> None:
    async with opened(tmp_path, "day = 10") as here:
        await here.reply(await ask(here), "Answer.")
        await here.quiet()
        rows = here.bot.rows("SELECT state, basis, person, channel, model, cost, generation <> '' FROM costs")
        assert rows == [("known", "reported", here.alice.id, here.general.id, "sandbox/model", COST, 1)]
        sums = here.bot.rows("SELECT DISTINCT cost, count(*) FROM cost_sums GROUP BY cost")
        assert sums == [(COST, len(Budget) + 3)], "the months of its person, its channel and its model, too"
        assert here.model.generations.spent == ledger(here)


@pytest.mark.parametrize("budget", [each for each in Budget if each is not Budget.TURN])
async def test_without_operators_a_turn_ends_with_what_was_reached_and_what_to_do(
    tmp_path: Path, budget: Budget
) -> None:
    async with opened(tmp_path, f"{budget} = {COST}") as here:
        ts = await ask(here)
        await here.reply(ts, "Answer.")
        await here.quiet()
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
        end = await here.reply(ts, "used up")
        await here.quiet()
        assert "($0.25) is used up. Everything so far is kept. " in end.plain
        assert ("It starts again on" in end.plain) == (budget is not Budget.THREAD)
        assert len(here.model.requests) == 1
        assert outcomes(here) == ["answered", "failed"]


async def test_a_turn_has_a_budget_of_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path, f"turn = {2 * COST}") as here:
        here.model.respond = lambda request: calls(
            call("filesystem__list_directory", {"path": str(here.workspace)}), cost=COST
        )
        ts = await ask(here)
        end = await here.reply(ts, "The budget for this answer ($0.50) is used up.")
        assert "Write here and I go on with a new one." in end.plain
        assert len(here.model.requests) == 2
        await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
        await here.until(lambda: len(here.model.requests) == 4, poll=0.01)
        await here.quiet()


async def test_with_nothing_to_spend_nothing_is_asked(tmp_path: Path) -> None:
    async with opened(tmp_path, "day = 0") as here:
        await here.reply(await ask(here), "($0.00) is used up")
        assert here.model.requests == []


async def test_people_are_informed_once_when_most_of_a_budget_is_used(tmp_path: Path) -> None:
    async with opened(tmp_path, f"thread = {5 * COST}") as here:
        ts = await ask(here)
        for count in range(2, 6):
            await here.until(lambda count=count: len(outcomes(here)) == count - 1, poll=0.01)
            await here.slack.say(here.general, here.alice, "more", thread_ts=ts)
        await here.until(lambda: len(outcomes(here)) == 5, poll=0.01)
        await here.quiet()
        near = [each.plain for each in here.replies(ts) if "nearly" in each.plain]
        assert near == ["The budget for this thread is nearly used up: $1.00 of $1.25."]


async def test_of_the_teams_budget_operators_are_informed_directly(tmp_path: Path) -> None:
    async with opened(tmp_path, f"day = {COST * 1.2}", '"{carol}"') as here:
        ts = await ask(here)
        await here.reply(ts, "Answer.")
        await here.quiet()
        carol = here.slack.open_dm(person(here, "Carol Chief"))
        assert ["nearly used up" in each.plain for each in carol.messages.values()] == [True]
        assert not [each for each in here.replies(ts) if "used up" in each.plain]


async def used_up(here: World) -> tuple[str, Message]:
    """A turn that waits for more of the day's budget. Out: its thread, and the card."""
    await here.reply(await ask(here), "Answer.")
    await here.quiet()
    ts = await ask(here)
    return ts, await here.reply(ts, "Allow $0.25 more?")


async def test_an_operator_allows_more_and_the_turn_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path, f"day = {COST}", '"{bob}"') as here:
        ts, card = await used_up(here)
        await here.quiet()
        assert len(here.model.requests) == 1
        await here.slack.click(card, "Allow $0.25 more", by=here.alice)
        await here.until(lambda: here.slack.ephemerals(here.alice), what="a refusal")
        assert "for somebody else" in here.slack.ephemerals(here.alice)[-1].plain
        await here.slack.click(card, "Allow $0.25 more", by=here.bob)
        await here.reply(ts, "Answer.")
        await here.quiet()
        assert "allowed $0.25 more" in (await here.reply(ts, "is used up")).plain
        assert outcomes(here) == ["answered", "answered"]
        decided = here.bot.rows("SELECT actor FROM audit WHERE kind = 'decided' AND facts LIKE '%budget%'")
        assert decided == [(here.bob.id,)]
        await here.reply(await ask(here), "Allow $0.25 more?")


async def test_after_a_refusal_turns_end_and_nobody_is_asked_again(tmp_path: Path) -> None:
    async with opened(tmp_path, f"day = {COST}", '"{bob}"') as here:
        ts, card = await used_up(here)
        await here.slack.click(card, "Don't allow", by=here.bob)
        end = await here.reply(ts, "Bob Jones decided not to allow more. Everything so far is kept.")
        assert "Retry" in str(end.blocks)
        again = await ask(here)
        await here.reply(again, "is used up. Everything so far is kept.")
        await here.quiet()
        assert len(here.bot.rows("SELECT 1 FROM questions WHERE kind = 'budget'")) == 1


async def test_what_nobody_decides_in_time_ends_the_turn_and_the_thread_and_the_operator_read_so(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, f"day = {COST}", '"{carol}"') as here:
        ts, card = await used_up(here)
        dm = here.slack.open_dm(person(here, "Carol Chief"))
        await here.until(lambda: any("Allow $0.25 more?" in each.plain for each in dm.messages.values()))
        await here.quiet()
        await here.bot.stop()
        with closing(sqlite3.connect(here.bot.database)) as connection, connection:
            connection.execute("UPDATE questions SET expires_at = 1 WHERE kind = 'budget'")
        await here.bot.start()
        assert isinstance(here.bot, BotInside)
        await here.bot.parts.expire()
        end = await here.reply(ts, "Nobody allowed more in time. Everything so far is kept.")
        await here.quiet()
        assert "Retry" in str(end.blocks)
        for shown in (next(each for each in here.replies(ts) if each.ts == card.ts), *dm.messages.values()):
            assert "is used up. Nobody decided in time." in shown.plain
            assert "Allow" not in str(shown.blocks)
        assert outcomes(here)[0] == "answered"
        assert len(outcomes(here)) == 2
        assert len(here.model.requests) == 1


async def test_an_operator_outside_the_thread_is_asked_directly(tmp_path: Path) -> None:
    async with opened(tmp_path, f"day = {COST}", '"{carol}"') as here:
        ts, _ = await used_up(here)
        carol = person(here, "Carol Chief")
        dm = here.slack.open_dm(carol)
        found = await here.until(lambda: [each for each in dm.messages.values() if "Allow $0.25 more?" in each.plain])
        await here.slack.click(found[0], "Allow $0.25 more", by=carol)
        await here.reply(ts, "Answer.")
        await here.quiet()


async def test_many_turns_wait_for_one_question_and_all_go_on(tmp_path: Path) -> None:
    async with opened(tmp_path, "day = 0", '"{bob}"') as here:
        threads = [await ask(here, here.alice if number % 2 else here.bob) for number in range(8)]
        await here.until(lambda: all(here.replies(ts) for ts in threads), what="a message in each thread")
        await here.quiet()
        assert len(here.bot.rows("SELECT 1 FROM questions WHERE kind = 'budget'")) == 1
        cards = [each for ts in threads for each in here.replies(ts) if "Allow $1.00 more?" in each.plain]
        joined = [each for ts in threads for each in here.replies(ts) if "I have asked an operator" in each.plain]
        assert (len(cards), len(joined)) == (1, 7)
        here.model.respond = lambda request: text("Answer.", cost=0.01)
        await here.slack.click(cards[0], "Allow $1.00 more", by=here.bob)
        for ts in threads:
            await here.reply(ts, "Answer.")
        await here.quiet()


async def test_a_turn_that_waits_outlives_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path, f"day = {COST}", '"{bob}"') as here:
        ts, card = await used_up(here)
        for _ in range(4):
            await here.quiet()
            await here.bot.stop()
            await here.bot.start()
        await here.slack.say(here.general, here.alice, "are you there?", thread_ts=ts)
        await here.quiet()
        await here.slack.click(card, "Allow $0.25 more", by=here.bob)
        await here.reply(ts, "Answer.")
        await here.quiet()
        assert len(here.model.requests) == 2


async def test_a_turn_that_waits_can_be_stopped(tmp_path: Path) -> None:
    async with opened(tmp_path, f"day = {COST}", '"{bob}"') as here:
        ts, _ = await used_up(here)
        await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
        await here.reply(ts, "Stopped.")
        await here.quiet()
        assert "Stopped" in (await here.reply(ts, "is used up")).plain
        assert outcomes(here) == ["answered", "stopped"]


class Slow(NearModel):
    """Gets a reply from the endpoint, which is charged for it, but hands on its first piece alone until `ends`."""

    ends = asyncio.Event()

    async def _attempt(
        self,
        client: Client,
        body: bytes,
        on_text: TextListener | None,
        spend: Callable[[Usage], None],
        meter: Meter | None,
    ) -> Accumulator:
        if Slow.ends.is_set():
            return await super()._attempt(client, body, on_text, spend, meter)
        got = await super()._attempt(client, body, on_text, spend, None)
        if meter is not None:
            meter.began(got.id)
        await Slow.ends.wait()
        if meter is not None:
            meter.ended(got.id, got.model, got.usage)
        return got


@asynccontextmanager
async def slow(folder: Path, budgets: str) -> AsyncGenerator[World]:
    """A bot whose replies have begun, but do not end until `Slow.ends`."""
    Slow.ends = asyncio.Event()
    async with opened(folder, budgets, start=False) as here:
        bot = here.bot
        assert isinstance(bot, BotInside)
        bot.model_of = lambda settings: Slow(
            here.model, api_key=settings.openrouter_api_key, base_url=here.model.base_url, models=settings.models
        )
        await bot.start()
        yield here


async def test_a_request_that_is_stopped_counts_as_what_the_endpoint_says(tmp_path: Path) -> None:
    async with slow(tmp_path, "day = 10") as here:
        ts = await ask(here)
        await here.until(lambda: here.bot.rows("SELECT 1 FROM costs WHERE state = 'open'"), poll=0.001)
        await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
        await here.reply(ts, "Stopped.")
        await here.until(lambda: ledger(here) == COST, poll=0.001)
        assert here.bot.rows("SELECT state, basis, cost, prompt_tokens > 0 FROM costs") == [
            ("known", "reported", COST, 1)
        ]
        assert here.bot.rows("SELECT DISTINCT cost, estimated FROM cost_sums WHERE cost OR estimated") == [(COST, 0)]
        assert here.bot.rows("SELECT cost FROM turns") == [(COST,)]


async def test_what_a_dead_process_had_asked_for_is_counted_before_anything_else_is_asked(tmp_path: Path) -> None:
    async with slow(tmp_path, f"day = {COST}") as here:
        await ask(here)
        await here.until(lambda: here.bot.rows("SELECT 1 FROM costs WHERE state = 'open'"), poll=0.001)
        await here.bot.kill()
        Slow.ends.set()
        await here.bot.start()
        await here.until(lambda: outcomes(here) == ["failed"], poll=0.001)
        assert (ledger(here), len(here.model.requests)) == (COST, 1)


async def test_the_home_shows_people_their_own_costs_and_operators_those_of_the_team(tmp_path: Path) -> None:
    async with opened(tmp_path, "day = 10\nmonth = 100", '"{bob}"') as here:
        await here.reply(await ask(here), "Answer.")
        await here.quiet()

        async def home(who: Person) -> str:
            before = len(here.slack.calls)
            await here.slack.open_home(who)
            await here.until(lambda: [each for each in here.slack.calls[before:] if each.method == "views.publish"])
            shown = here.slack.home(who)
            assert shown is not None
            return str(shown.blocks)

        mine = await home(here.alice)
        assert "For what you asked: $0.25 today, $0.25 this month" in mine
        assert "team" not in mine
        assert "By " not in mine
        theirs = await home(here.bob)
        assert "For the whole team: $0.25 of $10.00 today, $0.25 of $100.00 this month" in theirs
        for by, name in (
            ("By person, this month", f"'user_id': '{here.alice.id}'"),
            ("By channel, this month", f"'channel_id': '{here.general.id}'"),
            ("By model, this month", "'text': 'sandbox/model'"),
            ("By day, in UTC", f"'text': '{day(time.time())}'"),
        ):
            [shown] = [each for each in theirs.split("'rich_text'") if f"'{by}'" in each]
            assert name in shown
            assert "': $0.25'" in shown
