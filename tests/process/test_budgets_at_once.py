"""Two hundred turns of twenty people at once, under each cap that they share, while the process is killed; forty under
those that each has for itself."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World, world

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

COST = 0.01
PEOPLE, STEPS = 20, 3
EACH = {"turn": 2, "thread": 2, "person_day": 10, "channel_day": 10, "day": 10}
"""How many turns of each of them. What one turn has spent, or one thread, no other adds to."""
CAPS = {"turn": 0.01, "thread": 0.01, "person_day": 0.05, "channel_day": 0.5, "day": 1.0}
"""Less than what the turns of each want; with two channels."""
SCOPES = {"turn": "turn_id", "thread": "thread_id", "person_day": "person", "channel_day": "channel", "day": "1"}
AT_ONCE = {"turn": 1, "thread": 1, "person_day": 10, "channel_day": 100, "day": 200}
"""How many turns of each may be running."""


def respond(request: ChatRequest) -> Answer:
    """Two calls, one after the other, and an answer: three requests that cost the same."""
    made = sum(1 for message in request.messages if message["role"] == "tool")
    if made < STEPS - 1:
        return calls(call("filesystem__list_allowed_directories", {}), cost=COST, chunks=3, delay=0.01)
    return text("Answer.", cost=COST, chunks=3, delay=0.01)


@pytest.mark.parametrize("budget", CAPS)
async def test_no_more_is_spent_than_the_cap_and_a_request_a_running_turn(
    tmp_path: Path, budget: str, caplog: pytest.LogCaptureFixture
) -> None:
    # To print how each of the requests of a killed bot was cut off takes a fifth of the test.
    caplog.set_level(logging.CRITICAL, "aiohttp.server")
    (tmp_path / "bot.toml").write_text(f"[budgets]\n{budget} = {CAPS[budget]}\n")
    async with world(tmp_path, BOT_CONFIG=str(tmp_path / "bot.toml")) as here:
        # A kill between the end of a stream and its record has the next process end it once more.
        here.expected_refusals.append("chat.stopStream: message_not_in_streaming_state")
        await here.ready()
        with closing(here.bot.reading()) as reader:
            await perform(here, budget, reader)


async def perform(here: World, budget: str, reader: sqlite3.Connection) -> None:
    each, turns = EACH[budget], PEOPLE * EACH[budget]
    here.model.respond = respond
    people = [here.slack.add_person(f"Person {number}") for number in range(PEOPLE)]
    channels = [here.slack.add_channel(f"team-{number}", members=people) for number in range(2)]
    # What a lost request has cost is estimated by one that was answered.
    await here.slack.say(here.general, here.alice, "<@BOT> please begin")
    await here.until(lambda: ended(reader) == 1, what="the first turn", poll=0.02)
    says = [
        here.slack.say(channels[number % 2], people[number // each], f"<@BOT> please {number}")
        for number in range(turns)
    ]
    await asyncio.gather(*says)
    for requests in (turns // 5 + 3, turns * 2 // 5 + 3):
        await here.until(
            lambda requests=requests: len(here.model.requests) >= requests or ended(reader) == turns + 1,
            what="requests",
            poll=0.005,
        )
        await here.bot.kill()
        await here.bot.start()
    await here.until(lambda: ended(reader) == turns + 1, 60, "the end of every turn", poll=0.1)
    await here.until(lambda: unknown(reader) == 0, 30, "the costs of what was cut off", poll=0.1)

    charged = {id: each["total_cost"] for id, each in here.model.generations.by_id.items()}
    recorded = dict(rows(reader, "SELECT generation, cost FROM costs WHERE generation <> ''"))
    assert recorded == {id: pytest.approx(charged[id]) for id in recorded}
    [(total,)] = rows(reader, "SELECT sum(cost) FROM costs")
    # A request that is killed before its reply is read is estimated, since nobody can ask about it.
    assert total >= here.model.generations.spent - 1e-9, "no cost is lost"
    group = "" if budget == "day" else f" GROUP BY {SCOPES[budget]}"
    for (spent,) in rows(reader, f"SELECT sum(cost) FROM costs{group}"):
        assert spent <= CAPS[budget] + AT_ONCE[budget] * COST + 1e-9
    assert len(here.model.requests) < turns * STEPS, "the cap has held"
    sums = rows(reader, "SELECT sum(cost) FROM cost_sums WHERE scope = 'turn'")
    assert sums == [(pytest.approx(total),)]


def rows(reader: sqlite3.Connection, query: str) -> list[Any]:
    return reader.execute(query).fetchall()


def ended(reader: sqlite3.Connection) -> int:
    return int(rows(reader, "SELECT count(*) FROM turns WHERE ended_at IS NOT NULL")[0][0])


def unknown(reader: sqlite3.Connection) -> int:
    return int(rows(reader, "SELECT count(*) FROM costs WHERE state <> 'known'")[0][0])
