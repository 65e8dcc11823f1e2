"""A stop word ends the open turn, whatever it waits for; nobody else's word does, and no other word."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.openrouter import text
from tests.harness import World
from tests.inprocess.turns import outcomes, thinking, waiting, write
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

STOPPED = "Stopped. Nothing was changed."


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


@pytest.mark.parametrize("word", ["stop", "<@BOT> stop!", "Stopp.", "never mind", "停止"])
async def test_the_requester_stops_what_waits_for_a_decision_with_a_word(here: World, word: str) -> None:
    ts, _ = await waiting(here)
    await here.slack.say(here.general, here.alice, word, thread_ts=ts)
    await here.reply(ts, STOPPED)
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert not (here.workspace / "a.txt").exists()
    assert len(here.model.requests) == 1
    assert [row[0] for row in here.bot.rows("SELECT decision FROM questions")] == ["stopped"]


async def test_the_request_to_the_model_is_aborted_and_its_answer_is_not_posted(here: World) -> None:
    ts, ends = await thinking(here)
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, STOPPED)
    ends.set()
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert not any("The answer." in reply.plain for reply in here.replies(ts))
    here.model.respond = lambda request: text("Going on.")
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, "Going on.")
    await here.quiet()
    said = [str(message.get("content")) for message in here.model.requests[-1].messages]
    assert any("Alice Smith (who stopped you with this): stop" in each for each in said)


async def test_others_cannot_stop_it_and_their_word_is_a_message(here: World) -> None:
    ts, _ = await waiting(here)
    await here.slack.say(here.general, here.bob, "stop", thread_ts=ts)
    await here.slack.say(here.general, here.bob, "<@BOT> stop", thread_ts=ts)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE told"), poll=0.01)
    await here.quiet()
    assert here.open_approvals(ts) == 1
    assert outcomes(here) == []


async def test_a_named_approver_stops_it_and_a_stranger_who_is_named_does_not(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        outside = here.slack.add_outside_team()
        dana = here.slack.add_person("Dana", team_id=outside)
        here.slack.workspace.join(here.general, dana)
        named = f'approvers = ["requester", "{here.bob.id}", "{dana.id}"]'
        (here.bot.home / "bot.toml").write_text(f"[approvals]\n{named}\n")
        await here.bot.start()
        ts, _ = await waiting(here)
        await here.slack.say(here.general, dana, "stop", thread_ts=ts)
        await here.quiet()
        assert here.open_approvals(ts) == 1
        await here.slack.say(here.general, here.bob, "stop", thread_ts=ts)
        await here.reply(ts, "Stopped by Bob Jones")
        await here.quiet()
        assert outcomes(here) == ["stopped"]


@pytest.mark.parametrize("word", ["> stop", "`stop`", "```stop```", "~stop~", "stop the server", "yes", "approve"])
async def test_words_in_quotes_and_code_and_other_words_stop_and_approve_nothing(here: World, word: str) -> None:
    ts, _ = await waiting(here)
    await here.slack.say(here.general, here.alice, word, thread_ts=ts)
    await here.reply(ts, "can't take approvals in writing" if word in ("yes", "approve") else "I'm waiting for")
    await here.quiet()
    assert here.open_approvals(ts) == 1


async def test_a_forwarded_stop_stops_nothing(here: World) -> None:
    ts, _ = await waiting(here)
    said = await here.slack.say(here.general, here.bob, "stop")
    source = here.general.messages[said]
    await here.slack.forward(here.general, here.alice, source, thread_ts=ts)
    await here.slack.forward(here.general, here.alice, source, comment="stop", thread_ts=ts)
    await here.reply(ts, "I'm waiting for")
    await here.quiet()
    assert here.open_approvals(ts) == 1


async def test_without_an_open_turn_it_is_a_message_like_any_other(here: World) -> None:
    here.model.respond = lambda request: text("There is nothing to stop.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> stop")
    await here.reply(ts, "nothing to stop")
    await here.quiet()
    assert outcomes(here) == ["answered"]


async def test_a_stop_that_is_delivered_twice_or_late_stops_no_later_turn(here: World) -> None:
    ts, _ = await waiting(here)
    await here.slack.say(here.general, here.alice, "<@BOT> stop", thread_ts=ts)
    await here.reply(ts, STOPPED)
    await here.quiet()
    said = {sent.event_id: str(sent.payload.get("event", {}).get("text")) for sent in here.slack.envelopes}
    events = [event for event, words in said.items() if event and words.endswith(" stop")]
    assert len(events) == 2
    here.model.reset()
    here.model.script(write(here, "b.txt"))
    await here.slack.say(here.general, here.alice, "write b", thread_ts=ts)
    await here.until(lambda: here.open_approvals(ts), poll=0.01)
    for event in events:
        await here.slack.redeliver(event, 2)
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert here.open_approvals(ts) == 1


async def test_at_the_top_of_a_direct_message_it_stops_what_its_author_has_asked_for_there(here: World) -> None:
    dm = here.slack.open_dm(here.alice)
    here.model.script(write(here, "a.txt"))
    ts = await here.slack.say(dm, here.alice, "write")
    await here.reply(ts, "Waiting for you", dm)
    elsewhere, _ = await waiting(here)
    await here.slack.say(dm, here.alice, "stop")
    await here.reply(ts, STOPPED, dm)
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert here.open_approvals(elsewhere) == 1
    assert len(here.slack.thread(dm, ts)) == 3


async def test_at_the_top_it_finds_threads_that_were_recorded_under_a_former_team(here: World) -> None:
    dm = here.slack.open_dm(here.alice)
    here.model.script(write(here, "a.txt"))
    ts = await here.slack.say(dm, here.alice, "write")
    await here.reply(ts, "Waiting for you", dm)
    await here.quiet()
    with sqlite3.connect(here.bot.database) as connection:
        connection.execute("UPDATE threads SET team = 'TFORMER'")
    connection.close()
    await here.slack.say(dm, here.alice, "stop")
    await here.reply(ts, STOPPED, dm)
    await here.quiet()
    assert outcomes(here) == ["stopped"]


async def test_a_stop_that_follows_its_request_at_once_is_told_and_nothing_is_run(here: World) -> None:
    here.model.respond = lambda request: text("Here you are.")
    for _ in range(10):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
        said = [reply.plain for reply in await here.until(lambda ts=ts: here.replies(ts), what="a reply")]
        await here.quiet()
        assert any("Here you are." in each for each in said) or any(STOPPED in each for each in said)


async def test_what_its_author_wrote_while_it_waited_starts_nothing_after_the_stop(here: World) -> None:
    ts, _ = await waiting(here)
    await here.slack.say(here.general, here.alice, "and then b", thread_ts=ts)
    await here.reply(ts, "I'm waiting for")
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, STOPPED)
    await here.quiet()
    assert len(here.model.requests) == 1


async def test_after_a_restart_a_waiting_turn_is_stopped_with_a_word(here: World) -> None:
    ts, _ = await waiting(here)
    await here.quiet()
    assert isinstance(here.bot, BotInside)
    await here.bot.stop()
    await here.bot.start()
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, STOPPED)
    await here.quiet()
    assert outcomes(here) == ["stopped"]


@pytest.mark.parametrize("first", ["stop", "click"])
async def test_of_a_stop_and_a_click_at_once_one_wins(here: World, first: str) -> None:
    ts, card = await waiting(here)
    acts = [
        here.slack.say(here.general, here.alice, "stop", thread_ts=ts),
        here.slack.click(card, "Approve", by=here.alice),
    ]
    await asyncio.gather(*(acts if first == "stop" else reversed(acts)))
    await here.until(lambda: outcomes(here), poll=0.01)
    await here.quiet()
    [decision] = [row[0] for row in here.bot.rows("SELECT decision FROM questions")]
    assert decision in ("approved", "stopped")
    if decision == "stopped":
        assert not (here.workspace / "a.txt").exists()
