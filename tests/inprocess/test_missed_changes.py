"""What people edit and delete while no connection is open is noticed when the thread is read again, and has the same
consequences as if it had been delivered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.core import outages
from bot.slack.blocks.missed_offer import WORDS
from bot.slack.intake import background_comparison, catch_up, missed_reader
from slack_sandbox.model import Channel, Message
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World
from tests.inprocess.outages import in_slacks_time
from tests.stamps import unstamped

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
LONG = 3 * 3600.0
"""Seconds, after which nothing is answered unasked."""
Shut = Callable[[World, Callable[[], Awaitable[object]]], Awaitable[None]]


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    async with in_slacks_time(tmp_path, monkeypatch) as this:
        yield this


async def outage(here: World, work: Callable[[], Awaitable[object]]) -> None:
    """Something happens while the connection is lost."""
    async with here.slack.offline(hold=True):
        await work()
    await here.slack.connected()


async def restart(here: World, work: Callable[[], Awaitable[object]]) -> None:
    """Something happens while the bot does not run."""
    await here.bot.stop()
    await work()
    await here.bot.start()


async def settled(here: World) -> None:
    await here.slack.connected()
    await here.quiet()


async def thread(here: World, words: str = "meet at 5", channel: Channel | None = None) -> str:
    """A thread that Alice has begun and that was answered."""
    ts = await here.slack.say(channel or here.general, here.alice, f"<@BOT> {words}")
    await here.reply(ts, "Noted.", channel)
    await here.quiet()
    return ts


def said(here: World) -> list[str]:
    """What people have said, as the last request has it."""
    messages = here.model.requests[-1].messages
    return [unstamped(str(message["content"])) for message in messages if message["role"] == "user"]


async def asked(here: World, ts: str, words: str = "and now?", channel: Channel | None = None) -> list[str]:
    """Alice asks something. Returns what the model has read since the first message."""
    before = len(here.model.requests)
    await here.slack.say(channel or here.general, here.alice, words, thread_ts=ts)
    await here.until(lambda: len(here.model.requests) > before, what="a request", poll=0.001)
    await here.quiet()
    return said(here)[1:]


async def long_thread(here: World) -> tuple[str, list[str]]:
    """A thread with a dozen messages to others, which the model has read. Returns their timestamps, too."""
    ts = await thread(here)
    replies: list[str] = []
    for number in range(12):
        here.slack.advance(5)
        replies.append(await here.slack.say(here.general, here.bob, f"number {number}", thread_ts=ts))
    await asked(here, ts, "well?")
    return ts, replies


def offers(here: World) -> list[Message]:
    found = here.slack.all_messages()
    return [each for each in found if each.bot_id == here.slack.bot_id and "You wrote while" in each.plain]


# --- messages that were read


@pytest.mark.parametrize("shut", [outage, restart])
@pytest.mark.parametrize("seconds", [0.0, 2 * 3600.0])
async def test_an_edit_of_a_read_message_is_reported_once(here: World, shut: Shut, seconds: float) -> None:
    ts = await thread(here)
    here.slack.advance(seconds)
    await shut(here, lambda: here.slack.edit(here.general, ts, here.alice, "<@BOT> meet at 6"))
    await settled(here)
    assert len(here.model.requests) == 1, "an edit asks for nothing"
    [report, _] = await asked(here, ts)
    assert report.startswith("⟦Alice Smith edited the message of ")
    assert "> meet at 6\n" in report
    await outage(here, lambda: asyncio.sleep(0))
    await settled(here)
    assert await asked(here, ts, "and?") == [report, "Alice Smith: and now?", "Alice Smith: and?"], (
        "it is reported once"
    )


@pytest.mark.parametrize("shut", [outage, restart])
async def test_a_deletion_of_a_read_message_is_reported_once(here: World, shut: Shut) -> None:
    ts = await thread(here)
    more = await here.slack.say(here.general, here.bob, "by the way", thread_ts=ts)
    await asked(here, ts)
    await shut(here, lambda: here.slack.delete(here.general, more, here.bob))
    await settled(here)
    *_, report, _ = await asked(here, ts, "so?")
    assert report.startswith("⟦the message of Bob Jones of ")
    assert "> by the way\n" in report
    await outage(here, lambda: asyncio.sleep(0))
    assert len(await asked(here, ts, "and?")) == 5, "it is reported once"


async def test_the_first_message_of_a_thread_is_deleted(here: World) -> None:
    ts = await thread(here)
    await outage(here, lambda: here.slack.delete(here.general, ts, here.alice))
    await settled(here)
    [report, _] = await asked(here, ts)
    assert report.startswith("⟦the message of Alice Smith of ")


async def test_of_several_edits_the_last_is_reported_and_events_that_come_late_change_nothing(here: World) -> None:
    ts = await thread(here)
    await here.slack.edit(here.general, ts, here.alice, "<@BOT> meet at 6")
    await here.until(lambda: "outcome=reported" in here.bot.log, poll=0.001)

    async def edits() -> None:
        for hour in (7, 8):
            await here.slack.edit(here.general, ts, here.alice, f"<@BOT> meet at {hour}")

    await outage(here, edits)
    await settled(here)
    for sent in list(here.slack.envelopes):
        if sent.event_id:
            await here.slack.redeliver(sent.event_id)
    await here.until(lambda: all(each.acked_at or each.given_up for each in here.slack.envelopes), poll=0.001)
    [report, _] = await asked(here, ts)
    assert "> meet at 8\n" in report


# --- messages that are unread


async def test_an_unread_message_is_read_as_it_is_now_and_a_deleted_one_is_not_read(here: World) -> None:
    gate = asyncio.Event()

    async def slow(_: ChatRequest) -> Answer:
        await gate.wait()
        return text("Noted.")

    here.model.respond = slow
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.until(lambda: here.model.requests, poll=0.001)
    first = await here.slack.say(here.general, here.bob, "the frist one", thread_ts=ts)
    second = await here.slack.say(here.general, here.bob, "the second one", thread_ts=ts)
    more = await here.slack.say(here.general, here.alice, "and?", thread_ts=ts)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", more), poll=0.001)

    async def change() -> None:
        await here.slack.edit(here.general, first, here.bob, "the first one")
        await here.slack.delete(here.general, second, here.bob)

    await outage(here, change)
    await here.until(lambda: "outcome=removed" in here.bot.log, poll=0.001)
    gate.set()
    await here.until(lambda: len(here.model.requests) > 1, poll=0.001)
    await settled(here)
    assert said(here)[1:] == [
        "Bob Jones (to others in the thread, not to you): the first one",
        "Alice Smith: and?",
    ]


async def test_a_thread_that_is_read_at_a_mention_is_compared_too(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ts = await thread(here)
    more = await here.slack.say(here.general, here.bob, "by the way", thread_ts=ts)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", more), poll=0.001)
    monkeypatch.setattr(catch_up, "MAX_LOOKED_AT", 0)

    async def change() -> None:
        await here.slack.edit(here.general, ts, here.alice, "<@BOT> meet at 6")
        await here.slack.delete(here.general, more, here.bob)

    await outage(here, change)
    await settled(here)
    [report, last] = await asked(here, ts)
    assert "> meet at 6\n" in report
    assert last == "Alice Smith: and now?"


async def test_a_request_that_is_deleted_before_the_thread_is_read_is_not_answered(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ts = await thread(here)
    monkeypatch.setattr(catch_up, "MAX_LOOKED_AT", 0)
    here.slack.faults.add("conversations.history", "error", times=None, code="internal_error")
    here.slack.faults.add("users.conversations", "error", times=None, code="internal_error")
    await outage(here, lambda: asyncio.sleep(0))
    gone: list[str] = []

    async def delete(_: object) -> None:
        if len(gone) == 1:
            here.slack.events.subscriptions.discard("message.channels")  # the bot does not hear of it in time
            gone.append("")
            await here.slack.delete(here.general, gone[0], here.alice)

    here.slack.on_call("conversations.replies", before=delete)
    gone.append(await here.slack.say(here.general, here.alice, "delete everything", thread_ts=ts))
    await here.until(lambda: "outcome=removed" in here.bot.log, poll=0.001)
    here.slack.faults.clear()
    await settled(here)
    assert len(here.model.requests) == 1
    here.expected_refusals.append("internal_error")


# --- the question


@pytest.mark.parametrize("shut", [outage, restart])
@pytest.mark.parametrize("where", ["first message", "reply", "direct message"])
async def test_a_question_that_was_deleted_stops_the_turn(here: World, shut: Shut, where: str) -> None:
    channel = here.slack.workspace.direct([here.alice]) if where == "direct message" else here.general
    ts = await thread(here, channel=channel) if where == "reply" else None
    write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "hello"})
    here.model.script(calls(write), text("Written."))
    question = await here.slack.say(channel, here.alice, "<@BOT> write", thread_ts=ts)
    await here.reply(ts or question, "Waiting for you", channel)
    for number in range(30):
        await here.slack.say(channel, here.bob if ts else here.alice, f"<@U0X> {number}", thread_ts=ts or question)
    here.slack.advance(LONG)
    await shut(here, lambda: here.slack.delete(channel, question, here.alice))
    await here.reply(ts or question, "Stopped, because the message that asked for this was deleted.", channel)
    await settled(here)
    assert here.open_approvals(ts or question) == 0
    assert not (here.workspace / "a.txt").exists()
    here.expected_refusals.append("user_not_found")


async def test_a_question_without_replies_that_was_deleted_closes_its_thread(here: World) -> None:
    gate = asyncio.Event()

    async def slow(_: ChatRequest) -> Answer:
        await gate.wait()
        return text("Too late.")

    here.model.respond = slow
    ts = await here.slack.say(here.general, here.alice, "<@BOT> tell me everything")
    await here.until(lambda: here.model.requests, poll=0.001)
    await outage(here, lambda: here.slack.delete(here.general, ts, here.alice))
    await here.until(lambda: here.bot.rows("SELECT 1 FROM turns WHERE stopped_by <> ''"), poll=0.001)
    gate.set()
    await settled(here)
    assert here.bot.rows("SELECT outcome FROM turns") == [("stopped",)]
    assert [each.plain for each in here.general.top_level] == []
    here.expected_refusals.append("thread_not_found")


# --- what is no deletion


@pytest.mark.parametrize("code", ["missing_scope", "not_in_channel", "channel_not_found", "internal_error"])
async def test_what_cannot_be_read_was_not_deleted(here: World, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(catch_up, "TRIES", 2)
    monkeypatch.setattr(missed_reader, "PAUSES", (0.01,))
    ts = await thread(here)
    await here.slack.say(here.general, here.bob, "by the way", thread_ts=ts)
    await asked(here, ts)
    here.slack.faults.add("conversations.replies", "error", times=None, code=code)
    await outage(here, lambda: asyncio.sleep(0))
    await settled(here)
    here.slack.faults.clear()
    assert not [each for each in await asked(here, ts, "and?") if "deleted" in each]
    assert "message deleted" not in here.bot.log
    here.expected_refusals.append(code)


async def test_what_the_plan_hides_was_not_deleted(here: World) -> None:
    ts = await thread(here)
    await here.slack.say(here.general, here.bob, "by the way", thread_ts=ts)
    await asked(here, ts)
    here.slack.advance(60)
    here.slack.limit_history(here.general, here.slack.clock.ts())
    await outage(here, lambda: asyncio.sleep(0))
    await settled(here)
    assert "message deleted" not in here.bot.log


async def test_what_is_beyond_the_pages_that_are_read_was_not_deleted(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_reader, "PAGE", 3)
    monkeypatch.setattr(missed_reader, "MAX_PAGES", 2)
    ts = await thread(here)
    replies = [await here.slack.say(here.general, here.bob, f"number {each}", thread_ts=ts) for each in range(12)]
    await asked(here, ts)
    gone = replies[2]
    await outage(here, lambda: here.slack.delete(here.general, gone, here.bob))
    await settled(here)
    deleted = [line for line in here.bot.log.splitlines() if "message deleted" in line]
    assert len(deleted) == 1
    assert f"ts={gone}" in deleted[0]


async def test_our_own_posts_and_what_was_answered_with_a_click_are_no_messages_that_are_missing(here: World) -> None:
    ts = await thread(here)

    async def write() -> None:
        await here.slack.say(here.general, here.alice, "an old question", thread_ts=ts)
        here.slack.advance(LONG)

    await outage(here, write)
    await settled(here)
    await here.slack.click(offers(here)[-1], "Answer", by=here.alice)
    await here.quiet()
    await outage(here, lambda: asyncio.sleep(0))
    await settled(here)
    assert "message deleted" not in here.bot.log


# --- long threads


@pytest.mark.parametrize("shut", [outage, restart])
async def test_of_a_long_thread_every_recorded_message_is_compared_in_time(
    here: World, shut: Shut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "REREAD", 3)
    monkeypatch.setattr(background_comparison, "PAGE", 4)
    monkeypatch.setattr(background_comparison, "size_after", lambda _: 4)
    ts, replies = await long_thread(here)
    here.slack.advance(8 * outages.DAY)  # longer than anything is read back for what is new
    edited, deleted = replies[1], replies[4:9]

    async def change() -> None:
        await here.slack.edit(here.general, edited, here.bob, "number one, as it should be")
        for each in deleted:
            await here.slack.delete(here.general, each, here.bob)

    await shut(here, change)
    await settled(here)
    *_, first = [sent for sent in here.slack.calls if sent.method == "conversations.replies" and "oldest" in sent.args]
    pages = [sent for sent in here.slack.calls if sent.method == "conversations.replies" and "oldest" not in sent.args]
    assert first.at <= pages[0].at
    read = await asked(here, ts)
    reports = [each for each in read if each.startswith("⟦")]
    assert len(reports) == 6
    assert "number one, as it should be" in reports[0]
    for number, report in zip(range(4, 9), reports[1:], strict=True):
        assert f"> number {number}\n" in report
    assert read[-1] == "Alice Smith: and now?", "nothing is left that was not compared"
    await shut(here, lambda: asyncio.sleep(0))
    await settled(here)
    assert len([each for each in await asked(here, ts, "and?") if each.startswith("⟦")]) == 6, "it is reported once"


async def test_the_model_reads_which_messages_could_not_be_compared(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "REREAD", 3)
    ts, _ = await long_thread(here)
    here.slack.advance(2 * outages.MARGIN_SECONDS)
    await here.slack.say(here.general, here.bob, "the connection works")
    await here.until(lambda: all(each.acked_at for each in here.slack.envelopes), poll=0.001)
    monkeypatch.setattr(catch_up, "MAX_LOOKED_AT", 0)
    await outage(here, lambda: asyncio.sleep(0))
    await settled(here)
    *_, note, last = await asked(here, ts)
    assert note == (
        "⟦of the messages of this thread, only the first and the newest 3 were checked for edits and deletions while "
        "there was no connection to Slack; others may have been changed or deleted; say so if it matters to the "
        "answer⟧"
    )
    assert last == "Alice Smith: and now?"
    await asked(here, ts, "and?")
    assert sum(each.startswith("⟦of the messages") for each in said(here)) == 1, "once per outage"


async def test_what_slack_refuses_to_give_is_said_to_the_model(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_reader, "PAUSES", ())
    ts = await thread(here)
    monkeypatch.setattr(catch_up, "MAX_LOOKED_AT", 0)
    here.slack.faults.add("conversations.history", "error", times=None, code="missing_scope")
    here.slack.faults.add("conversations.replies", "error", times=None, code="missing_scope")
    await outage(here, lambda: asyncio.sleep(0))
    note, _ = await asked(here, ts)
    assert note.startswith("⟦what was written or changed in this thread while there was no connection to Slack could ")
    assert "the app lacks a permission" in note
    here.slack.faults.clear()
    here.expected_refusals.append("missing_scope")


# --- mentions


@pytest.mark.parametrize("seconds", [0.0, LONG])
async def test_a_mention_that_an_edit_adds_is_answered_or_if_it_is_old_offered(here: World, seconds: float) -> None:
    ts = await thread(here)
    more = await here.slack.say(here.general, here.bob, "the build is red", thread_ts=ts)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", more), poll=0.001)

    async def change() -> None:
        await here.slack.edit(here.general, more, here.bob, "<@BOT> the build is red, fix it")
        here.slack.advance(seconds)

    await outage(here, change)
    await settled(here)
    if seconds:
        [offer] = offers(here)
        assert len(here.model.requests) == 1
        await here.slack.click(offer, "Answer", by=here.bob)
        await here.quiet()
    await here.until(lambda: len(here.model.requests) == 2, poll=0.001)
    assert "the build is red, fix it" in said(here)[1]


async def test_a_mention_that_an_edit_adds_to_an_old_message_does_not_count(here: World) -> None:
    await thread(here)
    ts = await here.slack.say(here.general, here.bob, "people talk")
    here.slack.advance(700)

    async def change() -> None:
        here.slack.advance(60)
        await here.slack.edit(here.general, ts, here.bob, "<@BOT> people talk")

    await outage(here, change)
    await settled(here)
    assert len(here.model.requests) == 1


# --- offers


async def offered(here: World, ts: str, *words: str) -> list[str]:
    """Alice writes while the bot is away for long. Returns the timestamps."""
    found: list[str] = []

    async def write() -> None:
        for each in words:
            found.append(await here.slack.say(here.general, here.alice, each, thread_ts=ts))
        here.slack.advance(LONG)

    await outage(here, write)
    await settled(here)
    await here.until(lambda: offers(here), poll=0.001)
    return found


@pytest.mark.parametrize("is_live", [True, False])
async def test_an_offer_is_closed_when_what_it_is_about_is_deleted(here: World, *, is_live: bool) -> None:
    ts = await thread(here)
    first, second = await offered(here, ts, "one question", "another question")
    [offer] = offers(here)

    async def delete(which: str) -> None:
        if is_live:
            await here.slack.delete(here.general, which, here.alice)
        else:
            await outage(here, lambda: here.slack.delete(here.general, which, here.alice))
        await here.until(lambda: not here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", which), poll=0.001)

    await delete(first)
    await settled(here)
    assert offer.plain.startswith(WORDS)
    assert offer.buttons == ["Answer"]
    await delete(second)
    await here.until(lambda: not offer.buttons, what="the end of the offer")
    assert "have withdrawn it since" in offer.plain
    assert len(here.model.requests) == 1
    await settled(here)
    assert "question" not in json.dumps(here.bot.rows("SELECT text, body FROM inbox WHERE seq IS NULL"))


@pytest.mark.parametrize("is_live", [True, False])
async def test_what_is_edited_after_it_was_offered_is_answered_as_it_is_now(here: World, *, is_live: bool) -> None:
    ts = await thread(here)
    [question] = await offered(here, ts, "the frist wording")
    if is_live:
        await here.slack.edit(here.general, question, here.alice, "the second wording")
    else:
        await outage(here, lambda: here.slack.edit(here.general, question, here.alice, "the second wording"))
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE text LIKE '%second%'"), poll=0.001)
    await settled(here)
    assert len(here.model.requests) == 1, "an edit answers nothing"
    [offer] = offers(here)
    await here.slack.click(offer, "Answer", by=here.alice)
    await here.until(lambda: len(here.model.requests) == 2, poll=0.001)
    await here.quiet()
    assert said(here)[1:] == [
        "Alice Smith (while you were offline): the second wording",
        "Alice Smith: Please answer what I wrote while you were offline.",
    ]


async def test_of_several_direct_messages_that_are_offered_together_one_is_deleted(here: World) -> None:
    dm = here.slack.workspace.direct([here.alice])
    roots: list[str] = []

    async def write() -> None:
        for number in range(3):
            roots.append(await here.slack.say(dm, here.alice, f"question {number}"))
        here.slack.advance(LONG)

    await thread(here, channel=dm)
    await outage(here, write)
    await settled(here)
    [offer] = offers(here)
    await here.slack.delete(dm, roots[0], here.alice)
    await here.until(lambda: not here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", roots[0]), poll=0.001)
    await here.slack.click(offer, "Answer", by=here.alice)
    await here.until(lambda: len(here.model.requests) == 3, poll=0.001)
    await settled(here)
    read = json.dumps([request.messages for request in here.model.requests])
    assert ["question 0" in read, "question 1" in read, "question 2" in read] == [False, True, True]
