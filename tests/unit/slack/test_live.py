"""What a running turn shows before it is recorded, and when it is time to show it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.posts import Draft, Post
from bot.core.turn_message import TURN, End, Step, StepState, Text, TurnMessage, dumps
from bot.slack.blocks import messages
from bot.slack.delivery import live as module
from bot.slack.delivery.live import Live, stable
from bot.slack.delivery.rate import UpdateRate
from tests.unit.slack.delivering import NEVER, Process, Slack, process, slack, until

__all__ = ["slack"]

pytestmark = pytest.mark.anyio

EMPTY = TurnMessage(1, 1, "U1", "T1")
READ = Step("1", "Read release.md", StepState.RUNNING)
DONE = Step("1", "Read release.md", StepState.DONE)


def turn(after: float = NEVER) -> tuple[Live, UpdateRate, asyncio.Event]:
    """The running turns, and what is set when a thread is to be brought in step."""
    woken = asyncio.Event()
    rate = UpdateRate(NEVER, lambda _: woken.set())
    live = Live(after, rate)
    live.say = lambda text, room: messages.said(text, room, 4)
    return live, rate, woken


async def wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


def offered(live: Live) -> Draft | None:
    assert live.kind.offer is not None
    return live.kind.offer(1)


def row(message: TurnMessage) -> Post:
    return Post(1, 1, message.key, TURN, dumps(message), final=False)


def shown(live: Live, message: TurnMessage = EMPTY) -> str:
    """What the message of a turn shows that is recorded like this."""
    return str(live.kind.render(row(message)) or "")


async def test_before_anything_is_done_it_says_what_is_being_done_after_a_moment() -> None:
    live, rate, woken = turn(after=0.01)
    live.working(1, EMPTY, "Waiting for the tools to start")
    assert not woken.is_set()
    assert rate.held(1, TURN)
    await wait(woken)
    draft = offered(live)
    assert draft is not None
    assert draft.offered
    assert not draft.final
    assert "Waiting for the tools to start…" in shown(live)
    live.working(1, EMPTY, "Thinking")
    assert "Thinking…" in shown(live)
    assert offered(live) is None, "it is offered once"


async def test_what_runs_and_what_is_written_is_shown_below_what_is_recorded_and_goes_with_it() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "", [READ])
    assert "'in_progress'" in shown(live)
    recorded = replace(EMPTY, parts=(DONE,))
    assert "'in_progress'" not in shown(live, recorded), "the step is recorded, and not shown twice"
    live.working(1, recorded, "Thinking")
    writing = live.writing(1)
    writing.add("It says ")
    writing.add("hello.")
    now = shown(live, recorded)
    assert now.index("Read release.md") < now.rindex("It says hello.")
    assert "Thinking" not in now
    answered = replace(recorded, parts=(DONE, Text("It says hello.")), end=End.ANSWERED)
    assert shown(live, answered).count("It says hello.") == 2, "in the block and in the notification"
    live.resting(1)
    assert "It says" not in shown(live, recorded)


async def test_a_request_that_is_made_again_begins_its_text_anew() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "Thinking")
    writing = live.writing(1)
    writing.add("I will")
    writing.restart()
    assert "Thinking" in shown(live)
    writing.add("Hello")
    assert "I will" not in shown(live)
    assert "Hello" in shown(live)


async def test_text_is_due_half_a_second_after_its_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.01)
    live, rate, woken = turn()
    live.working(1, EMPTY, "Thinking")
    assert rate.held(1, TURN)
    live.writing(1).add("Hel")
    await wait(woken)
    assert not rate.held(1, TURN)


async def test_a_piece_of_text_wakes_nobody_again_before_it_is_drawn() -> None:
    live, rate, woken = turn()
    live.working(1, EMPTY, "")
    rate.release(1, TURN)
    writing = live.writing(1)
    writing.add("a")
    rate.release(1, TURN)
    writing.add("-")
    woken.clear()
    writing.add("b")
    assert not woken.is_set()
    assert "a-b" in shown(live)
    writing.add("c")
    assert woken.is_set()


async def test_what_comes_after_a_card_is_in_the_next_part() -> None:
    live, _, _ = turn()
    asks = replace(EMPTY, parts=(DONE,), end=End.ASKS)
    live.working(1, asks, "Thinking")
    live.writing(1).add("Now")
    assert "Now" not in shown(live, asks)
    draft = offered(live)
    assert draft is not None
    assert draft.key == asks.following().key
    assert "Now" in shown(live, asks.following())


WRITTEN = st.lists(
    st.sampled_from(
        ["word ", "**bold** ", "\n\n", "\n", "<https://a.b|x> ", "https://a.b ", "- item\n", "```\ncode <b>\n", "```\n",
         "`<!here>` ", "| a | b |\n|---|---|\n", "<@U1>", "www.", "a.b", "![](", "x)", "~~~\n", "> quote\n"]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(WRITTEN, st.integers(0, 200))
def test_what_is_streamed_is_never_taken_back(text: str, cut: int) -> None:
    def prepared(written: str) -> str:
        return "".join(messages.said(written, 10_000, 4).pieces)

    assert prepared(text).startswith(prepared(stable(text[:cut])))


def body(live: Live, message: TurnMessage) -> list[str]:
    assert live.kind.streamed is not None
    found = live.kind.streamed(row(message))
    assert found is not None
    return [str(chunk.get("text") or (chunk["id"], chunk["title"], chunk["status"])) for chunk in found.chunks]


async def test_a_stream_holds_steps_and_texts_in_order_each_step_once() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "", [READ])
    assert body(live, EMPTY) == ["('1', 'Read release.md', 'in_progress')"]
    recorded = replace(EMPTY, parts=(DONE,))
    live.working(1, recorded, "Thinking")
    live.writing(1).add("It says hello. And")
    assert body(live, recorded) == ["('1', 'Read release.md', 'complete')", "It says hello."]
    answered = replace(recorded, parts=(DONE, Text("It says hello. And more.")), end=End.ANSWERED)
    assert live.kind.streamed is not None
    whole = live.kind.streamed(row(answered))
    assert whole is not None
    assert (whole.done, whole.session, whole.person, whole.team) == (True, "active", "U1", "T1")
    assert [block["type"] for block in whole.blocks] == ["context_actions", "actions"]


async def rows(here: Process) -> list[tuple[str, str]]:
    def read(connection: sqlite3.Connection) -> list[tuple[str, str]]:
        return connection.execute("SELECT key, state FROM posts ORDER BY id").fetchall()

    return await here.database.read(read)


def has(slack: Slack, words: str) -> Callable[[], bool]:
    return lambda: [words in each for each in slack.shown()] == [True]


async def test_the_word_that_it_thinks_becomes_the_answer(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        message = TurnMessage(1)
        here.live.working(here.thread, message, "Thinking")
        await until(has(slack, "Thinking"))
        await here.in_step()
        await here.owe(replace(message, parts=(Text("Done."),), end=End.ANSWERED).draft())
        here.live.resting(here.thread)
        await until(has(slack, "Done."))
        await here.settled()
        methods = [call.method for call in slack.near.calls if call.method.startswith("chat.")]
        assert methods == ["chat.postMessage", "chat.update"]
        assert "Thinking" not in slack.shown()[0]


async def test_an_answer_that_is_there_at_once_is_posted_once(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, rate=NEVER) as here:
        message = TurnMessage(1)
        here.live.working(here.thread, message, "", [READ])
        recorded = replace(message, parts=(DONE,))
        await here.owe(recorded.draft())
        here.live.working(here.thread, recorded, "Thinking")
        await here.in_step()
        assert slack.shown() == []
        await here.owe(replace(recorded, parts=(DONE, Text("Done.")), end=End.ANSWERED).draft())
        await until(has(slack, "Done."))
        await here.settled()
        assert (slack.count("chat.postMessage"), slack.count("chat.update")) == (1, 0)


async def test_what_an_earlier_process_only_thought_goes_away(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, rate=NEVER) as here:
        here.live.working(here.thread, TurnMessage(1), "Thinking")
        await until(slack.messages)
        await here.in_step()
    async with process(tmp_path, slack) as here:
        await until(lambda: slack.shown() == [])
        await here.settled()
        await here.owe(replace(TurnMessage(1), parts=(Text("Done."),), end=End.ANSWERED).draft())
        await until(has(slack, "Done."))


async def test_a_message_that_a_person_has_deleted_is_posted_again_with_what_is_recorded_next(
    tmp_path: Path, slack: Slack
) -> None:
    async with process(tmp_path, slack) as here:
        message = TurnMessage(1)
        here.live.working(here.thread, message, "Thinking")
        await until(slack.messages)
        await here.in_step()
        await here.clients.repeatable.chat_delete(channel=slack.channel.id, ts=slack.messages()[0].ts)
        await here.owe(replace(message, parts=(Text("Done."),), end=End.ANSWERED).draft())
        here.live.resting(here.thread)
        await until(has(slack, "Done."))
        await here.settled()


async def test_what_is_offered_does_not_replace_what_is_recorded(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        message = TurnMessage(1)
        await here.owe(replace(message, parts=(Text("Hello."),)).draft(), replace(message.draft(), offered=True))
        await until(has(slack, "Hello."))
        await here.in_step()
        assert await rows(here) == [("turn-1-0001", "posted")]
