"""What is said while no connection is open is read afterwards: answered once, or, if it is old, offered once."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest

from bot.core import outages
from bot.slack.blocks.missed_offer import WORDS
from bot.slack.intake import catch_up, missed_reader
from slack_sandbox.model import Channel, Message
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World
from tests.inprocess.outages import in_slacks_time
from tests.inprocess.world import BotInside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
LONG = 3 * 3600.0
"""Seconds, after which nothing is answered unasked."""


def echo(request: ChatRequest) -> Answer:
    """A model that says what it was asked last."""
    return text(f"You said: {request.messages[-1]['content']}")


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    async with in_slacks_time(tmp_path, monkeypatch) as this:
        this.model.respond = echo
        yield this


async def thread(here: World, channel: Channel | None = None) -> str:
    """A thread that Alice has begun and that was answered."""
    ts = await here.slack.say(channel or here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "hello", channel)
    await here.quiet()
    return ts


async def settled(here: World) -> None:
    """The bot is back, and has done all that there is to do."""
    await here.slack.connected()
    await here.quiet()


async def nothing(*_: object) -> AsyncGenerator[dict[str, float]]:
    """Finds no thread with new replies."""
    for each in ():
        yield each


def answers(here: World, containing: str) -> list[Message]:
    """The bot's messages with these words, wherever they are."""
    found = here.slack.all_messages()
    return [
        each for each in found if each.bot_id == here.slack.bot_id and containing in each.plain and not each.deleted
    ]


def read(here: World, containing: str) -> int:
    """How many messages of people the model has read that say this."""
    rows = here.bot.rows("SELECT body FROM messages WHERE role = 'user'")
    return sum(containing in json.loads(body)["content"] for (body,) in rows)


@pytest.mark.parametrize("seconds", [0.0, LONG])
async def test_a_stop_word_that_was_missed_stops_the_turn(here: World, seconds: float) -> None:
    target = here.workspace / "a.txt"
    write = call("filesystem__write_file", {"path": str(target), "content": "hello"})
    here.model.script(calls(write), text("Written."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Waiting for you")
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
        here.slack.clock.advance(seconds)
    await here.reply(ts, "Stopped")
    await settled(here)
    assert here.open_approvals(ts) == 0
    assert not answers(here, WORDS)


@pytest.mark.parametrize("seconds", [0.0, LONG])
@pytest.mark.parametrize("where", ["thread", "direct"])
async def test_a_request_that_was_missed_with_its_stop_word_is_neither_answered_nor_offered(
    here: World, where: str, seconds: float
) -> None:
    dm = here.slack.workspace.direct([here.alice])
    async with here.slack.offline(hold=True):
        if where == "thread":
            ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
            await here.slack.say(here.general, here.alice, "never mind", thread_ts=ts)
        else:
            await here.slack.say(dm, here.alice, "write")
            await here.slack.say(dm, here.alice, "stop")
        here.slack.clock.advance(seconds)
    await settled(here)
    assert here.model.requests == []
    assert not answers(here, WORDS)
    assert len(answers(here, "Stopped. Nothing was changed.")) == (seconds == 0.0)


@pytest.mark.parametrize("named", [True, False])
async def test_a_missed_stop_word_counts_from_whoever_may_stop(here: World, named: bool) -> None:
    if named:
        (here.bot.home / "bot.toml").write_text(f'[approvals]\napprovers = ["requester", "{here.bob.id}"]\n')
        await here.bot.stop()
        await here.bot.start()
    write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "hello"})
    here.model.script(calls(write), text("Written."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Waiting for you")
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.bob, "stop", thread_ts=ts)
    await settled(here)
    assert here.open_approvals(ts) == (not named)
    assert len(answers(here, "Stopped by Bob Jones")) == named


async def test_a_reply_a_direct_message_and_a_mention_are_answered_once(here: World) -> None:
    ts, dm = await thread(here), here.slack.workspace.direct([here.bob])
    secret = here.slack.add_channel("secret", [here.alice], "group")
    group = here.slack.add_channel("mpdm", [here.alice, here.bob], "mpim")
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "a follow-up", thread_ts=ts)
        first = await here.slack.say(dm, here.bob, "a first word")
        await here.slack.say(dm, here.bob, "and a reply", thread_ts=first)
        await here.slack.say(here.general, here.bob, "<@BOT> a mention")
        await here.slack.say(secret, here.alice, "<@BOT> in private")
        await here.slack.say(group, here.bob, "<@BOT> among us")
        await here.slack.say(group, here.bob, "not for the bot")
        begun = await here.slack.say(here.general, here.bob, "people talk")
        await here.slack.say(here.general, here.alice, "<@BOT> below", thread_ts=begun)
    await settled(here)
    for words in ("a follow-up", "a first word", "a mention", "in private", "among us", "below"):
        assert read(here, words) == 1, words
        assert len(answers(here, words)) == (words != "a first word"), words
    assert len(answers(here, "and a reply")) == 1
    assert not answers(here, "not for the bot")
    assert not answers(here, WORDS)


async def test_what_comes_as_an_event_too_is_answered_once(here: World) -> None:
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "twice", thread_ts=ts)
        await here.slack.say(here.general, here.bob, "<@BOT> once more")
    await settled(here)
    for sent in list(here.slack.envelopes)[-3:]:
        await here.slack.redeliver(sent.event_id or "", times=2)
    await here.until(lambda: all(sent.acked_at for sent in here.slack.envelopes[-6:]), what="acks")
    await settled(here)
    assert len(here.model.requests) == 3


async def test_several_outages_are_made_up_for_each(here: World) -> None:
    ts = await thread(here)
    for number in range(4):
        async with here.slack.offline(hold=True):
            await here.slack.say(here.general, here.alice, f"number {number}", thread_ts=ts)
        await here.slack.connected()
    await settled(here)
    assert [read(here, f"number {number}") for number in range(4)] == [1] * 4


async def test_a_restart_makes_up_for_what_was_said_meanwhile(here: World) -> None:
    ts = await thread(here)
    await here.bot.stop()
    await here.slack.say(here.general, here.alice, "while you slept", thread_ts=ts)
    await here.bot.start()
    await settled(here)
    assert len(answers(here, "while you slept")) == 1
    await here.bot.stop()
    await here.bot.start()
    await settled(here)
    assert len(here.model.requests) == 2


async def test_what_was_edited_is_read_as_it_is_now_and_what_was_deleted_is_not(here: World) -> None:
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        edited = await here.slack.say(here.general, here.alice, "the frist wording", thread_ts=ts)
        await here.slack.edit(here.general, edited, here.alice, "the second wording")
        gone = await here.slack.say(here.general, here.alice, "<@BOT> forget me")
        await here.slack.delete(here.general, gone, here.alice)
    await settled(here)
    assert len(answers(here, "the second wording")) == 1
    assert len(here.model.requests) == 2


async def test_others_in_a_thread_are_context_only(here: World) -> None:
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.bob, "by the way", thread_ts=ts)
        await here.slack.say(here.general, here.alice, f"<@{here.bob.id}> look", thread_ts=ts)
    await settled(here)
    assert len(here.model.requests) == 1
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, "go on")
    said = json.dumps(here.model.requests[-1].messages)
    assert said.index("by the way") < said.index("look") < said.index("go on")


async def test_a_live_message_waits_for_an_older_one_that_was_missed(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ts = await thread(here)
    here.slack.faults.add("conversations.history", "error", times=None, code="internal_error")
    here.slack.faults.add("users.conversations", "error", times=None, code="internal_error")
    here.slack.faults.add("conversations.replies", "error", times=1, code="internal_error")
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "the older one", thread_ts=ts)
    await here.slack.connected()
    await here.slack.say(here.general, here.alice, "the newer one", thread_ts=ts)
    await here.reply(ts, "the newer one")
    here.slack.faults.clear()
    await settled(here)
    messages = [each["content"] for each in here.model.requests[-1].messages if each["role"] == "user"]
    assert [("older" in each, "newer" in each) for each in messages[-2:]] == [(True, False), (False, True)]
    assert len(here.model.requests) == 2


async def test_a_mention_reads_a_thread_that_was_not_read_after_the_outage(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ts = await thread(here)
    here.slack.faults.add("conversations.history", "error", times=None, code="internal_error")
    here.slack.faults.add("users.conversations", "error", times=None, code="internal_error")
    monkeypatch.setattr(catch_up, "MAX_LOOKED_AT", 0)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.bob, "what Bob said", thread_ts=ts)
    await here.slack.connected()
    before = len([call for call in here.slack.calls if call.method == "conversations.replies"])
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, "go on")
    await here.slack.say(here.general, here.alice, "and on", thread_ts=ts)
    await here.reply(ts, "and on")
    here.slack.faults.clear()
    await settled(here)
    assert "what Bob said" in json.dumps(here.model.requests[1].messages)
    after = len([call for call in here.slack.calls if call.method == "conversations.replies"])
    assert after - before == 1, "it is read once"


async def test_what_is_too_old_is_offered_once_and_answered_when_its_author_wants_it(here: World) -> None:
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        for number in range(3):
            await here.slack.say(here.general, here.alice, f"question {number}", thread_ts=ts)
        here.slack.advance(LONG)
    await settled(here)
    [offer] = answers(here, WORDS)
    assert offer.buttons == ["Answer"]
    assert len(here.model.requests) == 1
    await here.slack.click(offer, "Answer", by=here.bob)
    assert len(here.slack.ephemerals(here.bob)) == 1
    await here.slack.click(offer, "Answer", by=here.alice)
    await here.slack.click(offer, "Answer", by=here.alice)
    await here.quiet()
    assert len(here.model.requests) == 2
    said = json.dumps(here.model.requests[1].messages)
    assert all(f"question {number}" in said for number in range(3))
    assert "Alice Smith (while you were offline)" in said
    assert len(answers(here, "Please answer what I wrote")) == 1
    [(asked,)] = here.bot.rows("SELECT ts FROM inbox WHERE text LIKE 'Please answer what I wrote%'")
    assert offer.ts < asked < here.slack.clock.ts(), "by Slack's clock, of which ours is far behind here"
    await here.until(lambda: "The answer is below" in offer.plain and not offer.buttons, what="the end of the offer")


async def test_old_direct_messages_are_offered_once_and_each_is_answered_in_its_thread(here: World) -> None:
    dm = here.slack.workspace.direct([here.alice])
    await thread(here, dm)
    async with here.slack.offline(hold=True):
        roots = [await here.slack.say(dm, here.alice, f"question {number}") for number in range(3)]
        here.slack.advance(LONG)
    await settled(here)
    [offer] = answers(here, WORDS)
    assert offer.thread_ts == roots[-1]
    await here.slack.click(offer, "Answer", by=here.alice)
    await here.quiet()
    for number, root in enumerate(roots):
        assert len([reply for reply in here.replies(root, dm) if "You said" in reply.plain]) == 1
        assert any(f"question {number}" in json.dumps(request.messages) for request in here.model.requests)


async def test_an_offer_is_closed_when_its_author_writes_again(here: World) -> None:
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "an old question", thread_ts=ts)
        here.slack.advance(LONG)
    await settled(here)
    [offer] = answers(here, WORDS)
    await here.slack.say(here.general, here.alice, "never mind", thread_ts=ts)
    await here.reply(ts, "never mind")
    await here.until(lambda: not offer.buttons, what="the end of the offer")
    assert "together with what you wrote since" in offer.plain
    said = json.dumps(here.model.requests[-1].messages)
    assert said.index("an old question") < said.index("never mind")
    assert len(here.model.requests) == 2


async def test_nothing_is_offered_when_a_newer_message_is_answered_anyway(here: World) -> None:
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "an old question", thread_ts=ts)
        here.slack.advance(LONG)
        await here.slack.say(here.general, here.alice, "a new one", thread_ts=ts)
    await settled(here)
    assert not answers(here, WORDS)
    assert len(answers(here, "a new one")) == 1


async def test_a_history_is_read_page_by_page(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_reader, "PAGE", 3)
    monkeypatch.setattr(catch_up, "BURST", 100)
    ts = await thread(here)
    async with here.slack.offline(hold=True):
        for number in range(10):
            await here.slack.say(here.general, here.bob, f"by the way {number}", thread_ts=ts)
            await here.slack.say(here.general, here.bob, f"unrelated {number}")
        await here.slack.say(here.general, here.bob, "<@BOT> at last")
        await here.slack.say(here.general, here.alice, "a follow-up", thread_ts=ts)
    await settled(here)
    assert len(answers(here, "at last")) == len(answers(here, "a follow-up")) == 1
    said = json.dumps([request.messages for request in here.model.requests])
    assert all(f"by the way {number}" in said for number in range(10))


async def test_slacks_rate_limit_is_followed(here: World) -> None:
    ts = await thread(here)
    here.slack.faults.add("conversations.replies", "ratelimited", times=1, retry_after=1)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "a follow-up", thread_ts=ts)
    await settled(here)
    assert len(answers(here, "a follow-up")) == 1
    here.expected_refusals.append("ratelimited")


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived", "internal_error", "missing_scope"])
async def test_what_cannot_be_read_is_one_line_of_the_log_and_keeps_nothing_else_from_being_read(
    here: World, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "TRIES", 3)
    ts = await thread(here)
    other = here.slack.add_channel("other", members=[here.alice])
    here.slack.faults.add(
        "conversations.history", "error", times=None, code=code, match=lambda args: args.get("channel") == other.id
    )
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "a follow-up", thread_ts=ts)
        await here.slack.say(other, here.alice, "<@BOT> unheard")
    await settled(here)
    assert len(answers(here, "a follow-up")) == 1
    lines = [line for line in here.bot.log.splitlines() if code in line]
    assert len(lines) == 1
    await here.until(lambda: cast(BotInside, here.bot).idle, poll=0.01, what="rest")
    here.expected_refusals.append(code)


async def test_an_installation_without_the_scope_for_direct_messages_reads_those_that_it_knows(here: World) -> None:
    dm = here.slack.workspace.direct([here.alice])
    await thread(here, dm)
    here.slack.scopes.discard("im:read")
    for number in range(2):
        async with here.slack.offline(hold=True):
            await here.slack.say(dm, here.alice, f"a new word {number}")
        await settled(here)
    assert [len(answers(here, f"a new word {number}")) for number in range(2)] == [1, 1]
    assert here.bot.log.count("missing_scope") == 1
    here.expected_refusals.append("missing_scope")


async def test_what_cannot_be_read_of_a_thread_is_said_once(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "MAX_LOOKED_AT", 0)
    ts = await thread(here)
    here.slack.faults.add("conversations.replies", "error", times=None, code="missing_scope")
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.bob, "what Bob said", thread_ts=ts)
    await settled(here)
    for words in ("go on", "and on"):
        await here.slack.say(here.general, here.alice, words, thread_ts=ts)
        await here.reply(ts, words)
    await settled(here)
    assert len(answers(here, "I couldn't read what was said here before")) == 1
    here.slack.faults.clear()
    await here.slack.say(here.general, here.alice, "now", thread_ts=ts)
    await here.reply(ts, "now")
    assert read(here, "what Bob said") == 1, "it is read as soon as that is possible"
    here.expected_refusals.append("missing_scope")


async def test_of_many_threads_those_with_new_replies_are_read_and_the_others_when_they_are_needed(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "MAX_THREADS", 3)
    threads = [await thread(here) for _ in range(8)]
    here.slack.advance(2 * outages.MARGIN_SECONDS)  # they have not begun during the outage
    async with here.slack.offline(hold=True):
        for ts in threads[:2]:
            await here.slack.say(here.general, here.alice, f"Alice in {ts}", thread_ts=ts)
    await settled(here)
    requests = [call for call in here.slack.calls if call.method == "conversations.replies"]
    assert {call.args["ts"] for call in requests} == {*threads[-3:], *threads[:2]}
    assert len(requests) == 5
    for ts in threads[:2]:
        assert len(answers(here, f"Alice in {ts}")) == 1
    await here.slack.say(here.general, here.alice, "go on", thread_ts=threads[3])
    await here.reply(threads[3], "go on")
    assert len([call for call in here.slack.calls if call.method == "conversations.replies"]) == 6


async def test_of_a_conversation_that_cannot_be_read_only_one_thread_is_requested(here: World) -> None:
    for _ in range(4):
        await thread(here)
    here.slack.advance(2 * outages.MARGIN_SECONDS)  # they have not begun during the outage
    here.slack.faults.add("conversations.replies", "error", times=None, code="not_in_channel")
    async with here.slack.offline(hold=True):
        pass
    await settled(here)
    assert len([call for call in here.slack.calls if call.method == "conversations.replies"]) == 1
    here.slack.faults.clear()
    here.expected_refusals.append("not_in_channel")


async def test_a_mention_in_a_thread_that_people_began_long_before_the_outage_is_found(here: World) -> None:
    await thread(here)
    begun = await here.slack.say(here.general, here.bob, "people talk")
    await here.slack.say(here.general, here.alice, "they do", thread_ts=begun)
    silent = await here.slack.say(here.general, here.bob, "and more")
    await here.slack.say(here.general, here.alice, "yes", thread_ts=silent)
    here.slack.advance(2 * outages.MARGIN_SECONDS)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.bob, "<@BOT> what do you think", thread_ts=begun)
    await settled(here)
    assert len(answers(here, "what do you think")) == 1
    assert silent not in {call.args["ts"] for call in here.slack.calls if call.method == "conversations.replies"}


async def test_a_thread_that_waits_is_read_slowly_however_old_it_is(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "ACTIVE_DAYS", -1)
    monkeypatch.setattr(catch_up, "latest_replies", nothing)
    write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "hello"})
    here.model.script(calls(write))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Waiting for you")
    ended = await thread(here)
    here.slack.advance(2 * outages.MARGIN_SECONDS)
    async with here.slack.offline(hold=True):
        await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, "Stopped")
    await settled(here)
    assert ended not in {call.args["ts"] for call in here.slack.calls if call.method == "conversations.replies"}


async def test_live_messages_do_not_wait_for_what_was_missed(here: World) -> None:
    await thread(here)
    here.slack.faults.add("users.conversations", "hang", times=None)
    async with here.slack.offline(hold=True):
        pass
    await here.slack.connected()
    ts = await here.slack.say(here.general, here.bob, "<@BOT> right away")
    await here.reply(ts, "right away")
    assert not cast(BotInside, here.bot).idle
    here.slack.faults.clear()
