"""A request to the model costs money: whatever goes wrong after it, three are made at most, and then a person says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, empty, failure, text
from tests.harness import World, world
from tests.stamps import unstamped

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

SWEEP = "[limits]\nsweep_seconds = 0.1\nsteps = 2\ndrain_seconds = 0.2\n"
TRIED = "I tried three times"
SORRY = "Something went wrong on my side"
NOTHING_LOST = "Nothing is lost, and I'm trying again."


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    home = tmp_path_factory.mktemp("bot")
    (home / "bot.toml").write_text(SWEEP)
    async with world(home) as this:
        yield this


@pytest.mark.parametrize("tokens", [10**30, float("nan"), float("inf"), -5, "12", True, None, [1], 2**63])
async def test_an_odd_count_of_tokens_costs_one_request_and_the_answer_arrives(here: World, tokens: Any) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": tokens, "cost": tokens}
    here.model.script(text("Here it is.", usage={**usage, "prompt_tokens_details": {"cached_tokens": tokens}}))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Here it is.")
    await here.quiet()
    assert len(here.model.requests) == 1
    [counted] = here.bot.rows("SELECT prompt_tokens, cost FROM turns ORDER BY id DESC LIMIT 1")
    assert counted == (0, 0.0)


@pytest.fixture
async def alone(here: World) -> AsyncGenerator[World]:
    """The same bot, with a database that takes no answer until it is told to: what any error of ours comes to."""
    refuse(here, "1")
    yield here
    refuse(here, "")


def refuse(here: World, when: str) -> None:
    """Have the database refuse every answer of the model from now on, or none."""
    connection = sqlite3.connect(here.bot.database, timeout=10)
    with connection:
        connection.execute("DROP TRIGGER IF EXISTS no_answer")
        if when:
            words = "CREATE TRIGGER no_answer BEFORE INSERT ON messages WHEN NEW.role = 'assistant'"
            connection.execute(f"{words} BEGIN SELECT RAISE(ABORT, 'broken by the test'); END")
    connection.close()


async def parked(here: World, ts: str) -> Message:
    """Wait until the thread is parked, and everything is posted and swept."""
    card = await here.reply(ts, TRIED, timeout=40)
    await here.quiet()
    assert card.buttons == ["Retry"]
    return card


GRANT = """INSERT INTO grants (team, user, thread_id, tool, server, remote_name, tool_digest, scope, value, approval,
created_at, expires_at) VALUES ('', '', 0, '', '', '', '', 'any', '', ?, 0, 1)"""

UNSWEPT = "SELECT count(*) FROM grants WHERE approval LIKE 'sweep %' AND ended = ''"


async def swept(here: World) -> None:
    """Wait for two sweeps, so that one has begun and ended since now: each ends a grant whose time is over."""
    for number in (1, 2):
        connection = sqlite3.connect(here.bot.database, timeout=10)
        with connection:
            connection.execute(GRANT, (f"sweep {number}",))
        connection.close()
        await here.model.until(lambda: here.bot.rows(UNSWEPT) == [(0,)], what="a sweep")


async def test_what_fails_after_each_answer_is_paid_three_times_and_goes_on_when_somebody_presses_retry(
    alone: World,
) -> None:
    here, here.errors_expected = alone, True
    here.model.respond = lambda _: text("Here it is.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    card = await parked(here, ts)
    assert len(here.model.requests) == 3
    assert [reply.plain for reply in here.replies(ts) if SORRY in reply.plain] == [f"{SORRY}. {NOTHING_LOST}"]
    await swept(here)
    assert len(here.model.requests) == 3, "a parked thread is left alone"
    stale = card.snapshot()
    await here.slack.click(card, "Retry", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to who has not asked")
    assert "Only the people who asked can have me try again" in here.slack.ephemerals(here.bob)[-1].plain
    refuse(here, "")
    await here.slack.click(card, "Retry", by=here.alice)
    await here.reply(ts, "Here it is.")
    await here.until(lambda: not card.buttons and "I have tried again since" in card.plain, what="no button")
    await here.slack.click_raw(stale, "Retry", by=here.alice)
    await here.until(lambda: here.slack.ephemerals(here.alice), what="a word to who comes late")
    assert "already trying this again" in here.slack.ephemerals(here.alice)[-1].plain
    await here.quiet()
    assert len(here.model.requests) == 4
    assert [reply.plain for reply in here.replies(ts)].count("Here it is.") == 1


async def test_a_parked_thread_is_left_alone_by_a_restart_and_goes_on_with_the_next_message(alone: World) -> None:
    here, here.errors_expected = alone, True
    here.model.respond = lambda _: text("Here it is.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    card = await parked(here, ts)
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await swept(here)
    assert len(here.model.requests) == 3
    refuse(here, "")
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.reply(ts, "Here it is.")
    await here.until(lambda: not card.buttons, what="no button")
    await here.quiet()
    assert len(here.model.requests) == 4
    said = [unstamped(message["content"]) for message in here.model.requests[-1].messages if message["role"] == "user"]
    assert said == ["Alice Smith: hi", "Alice Smith: and now?"]


async def test_a_bot_that_is_killed_in_three_requests_asks_no_fourth_time(here: World) -> None:
    async def never(_: ChatRequest) -> Answer:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    here.model.respond = never
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    for number in (1, 2, 3):
        await here.model.until(lambda number=number: len(here.model.requests) == number, what=f"request {number}")
        await here.bot.kill()
        await here.bot.start()
        await here.ready()
    card = await parked(here, ts)
    assert len(here.model.requests) == 3
    assert [SORRY in reply.plain for reply in here.replies(ts)] == [False]
    here.model.respond = lambda _: text("Here it is.")
    await here.slack.click(card, "Retry", by=here.alice)
    await here.reply(ts, "Here it is.")
    await here.quiet()
    assert len(here.model.requests) == 4


async def test_restarts_that_call_a_request_off_do_not_count_as_failures(here: World) -> None:
    asked: list[ChatRequest] = []

    async def slow(request: ChatRequest) -> Answer:
        asked.append(request)
        if len(asked) < 6:
            await asyncio.get_running_loop().create_future()
        return text("Here it is.")

    here.model.respond = slow
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    for number in range(1, 6):
        await here.model.until(lambda number=number: len(asked) == number, what=f"request {number}")
        assert await here.bot.stop() == 0
        await here.bot.start()
        await here.ready()
    await here.reply(ts, "Here it is.")
    assert [reply.plain for reply in here.replies(ts)] == ["Here it is."]


@pytest.mark.parametrize("closing", [empty(), text(" \n\u200b"), calls(call("filesystem__list_directory", {}))])
async def test_a_turn_that_reaches_its_limit_says_so_even_when_the_model_says_nothing(
    here: World, closing: Answer
) -> None:
    listing = calls(call("filesystem__list_allowed_directories", {}))
    here.model.respond = lambda request: closing if request.tool_choice == "none" else listing
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    said = await here.reply(ts, "I stopped after 2 steps, my limit for one answer. Write “go on”")
    assert "empty answer" not in said.plain


async def test_a_turn_that_reaches_its_limit_says_so_even_when_the_model_fails(here: World) -> None:
    listing = calls(call("filesystem__list_allowed_directories", {}))
    here.model.respond = lambda request: failure("status", code=402) if request.tool_choice == "none" else listing
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    said = await here.reply(ts, "I stopped after 2 steps, my limit for one answer.")
    assert "The credits for the model are used up" in said.plain
