"""No cost is lost or counted twice, whenever the process is killed, and a turn waits for more budget once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, failure, text
from tests.crash.points import BEGINNING, FAILED, REFUSED, SPENDING, STOPPED, WAITING_FOR_MORE
from tests.crash.test_crashes import stage
from tests.harness import World
from tests.unit.attachments.samples import picture

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.mark.parametrize("point", [BEGINNING, *SPENDING[1:]])
async def test_the_ledger_says_what_the_endpoint_does(tmp_path: Path, point: str) -> None:
    """The first death leaves a request whose end is not recorded, unless it comes before its start is."""
    async with stage(tmp_path, "safe", BEGINNING if point == BEGINNING else SPENDING[0]) as here:

        def respond(request: ChatRequest) -> Answer:
            # The next process asks what the first reply has cost, and dies of it, before its own reply begins.
            late = 1.0 if len(here.model.requests) > 1 else 0.0
            return text("It is 42.", cost=0.25, chunks=4, delay=0.1, first_token=late)

        here.model.respond = respond
        ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
        for crash_at in ("",) if point == BEGINNING else (point, ""):
            assert await here.bot.ended() == -signal.SIGKILL
            await here.bot.start(CRASH_AT=crash_at)
        await here.reply(ts, "It is 42.")
        await here.quiet()
        spent = "SELECT sum(cost), min(basis) FROM costs WHERE state = 'known'"
        # Before its start is recorded nobody knows of a request, so that its cost is lost.
        lost = 0.25 if point == BEGINNING else 0.0
        await here.until(
            lambda: here.bot.rows(spent)[0] == (here.model.generations.spent - lost, "reported"), poll=0.05
        )


async def configured(here: World, words: str, crash_at: str) -> None:
    """Start the bot again with a bot.toml, before anybody has said anything."""
    (here.bot.home / "bot.toml").write_text(words)
    await here.bot.kill()
    await here.bot.start(CRASH_AT=crash_at)
    await here.ready()


async def test_a_turn_waits_for_one_question(tmp_path: Path) -> None:
    async with stage(tmp_path, "safe", WAITING_FOR_MORE[0]) as here:
        words = f'[agent]\noperators = ["{here.bob.id}"]\n[budgets]\nday = 0\n'
        await configured(here, words, WAITING_FOR_MORE[0])
        ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
        for point in (*WAITING_FOR_MORE[1:], ""):
            assert await here.bot.ended() == -signal.SIGKILL
            await here.bot.start(CRASH_AT=point)
        await here.reply(ts, "Allow $1.00 more?")
        await here.quiet()
        assert here.bot.rows("SELECT count(*) FROM questions WHERE kind = 'budget'") == [(1,)]
        assert here.model.requests == []


@pytest.mark.parametrize("point", STOPPED)
async def test_what_was_stopped_while_it_was_written_is_counted_once(tmp_path: Path, point: str) -> None:
    async with stage(tmp_path, "safe", point) as here:
        here.model.respond = lambda request: text("It is 42.", cost=0.25, chunks=20, delay=0.1)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
        await here.until(lambda: here.bot.rows("SELECT count(*) FROM costs") == [(1,)], what="the reply", poll=0.02)
        await here.slack.say(here.general, here.alice, "<@BOT> stop", thread_ts=ts)
        assert await here.bot.ended() == -signal.SIGKILL
        await here.bot.start(CRASH_AT="")
        await here.reply(ts, "Stopped")
        await here.quiet()
        assert len(here.model.requests) == 1
        assert here.bot.rows("SELECT count(*) FROM costs WHERE state <> 'open'") == [(1,)]


@pytest.mark.parametrize("point", FAILED)
async def test_a_failed_request_that_uses_up_the_budget_is_counted_once_and_not_repeated(
    tmp_path: Path, point: str
) -> None:
    async with stage(tmp_path, "safe", point) as here:
        await configured(here, "[budgets]\nturn = 0.2\n", point)
        here.errors_expected = True
        before = text("It is", cost=0.25)
        here.model.respond = lambda request: failure("error_finish", before=before)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
        assert await here.bot.ended() == -signal.SIGKILL
        await here.bot.start(CRASH_AT="")
        await here.reply(ts, "$0.20")
        await here.quiet()
        assert len(here.model.requests) == 1
        known = here.bot.rows("SELECT sum(cost) FROM costs")
        assert known == [(0.25,)]


@pytest.mark.parametrize("point", REFUSED)
async def test_a_request_whose_files_are_refused_is_made_without_them(tmp_path: Path, point: str) -> None:
    def respond(request: ChatRequest) -> Answer:
        return failure(400, message="Could not process image") if b"image_url" in request.body else text("Understood.")

    async with stage(tmp_path, "safe", point) as here:
        await configured(here, '[attachments]\ninputs = ["image"]\n', point)
        here.errors_expected = True
        here.model.respond = respond
        file = here.slack.add_file(here.alice, "chart.png", picture(), "image/png")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> look", files=[file])
        assert await here.bot.ended() == -signal.SIGKILL
        await here.bot.start(CRASH_AT="")
        await here.reply(ts, "Understood.")
        await here.quiet()
        here.model.prefix_breaks.clear()
