"""What is wanted of the message that shows what a turn is doing, and when it is time to show it."""

from __future__ import annotations

import asyncio

import pytest
from bot.slack.delivery.progress import PROGRESS, Progress

from bot.core.posts import Post
from bot.slack.delivery.rate import UpdateRate

pytestmark = pytest.mark.anyio

NEVER = 3600.0


def turn(after: float = 0.01) -> tuple[Progress, UpdateRate, asyncio.Event]:
    """The progress of turns, and what is set when a thread is to be brought in step."""
    woken = asyncio.Event()
    rate = UpdateRate(NEVER, lambda _: woken.set())
    return Progress(after, rate), rate, woken


async def wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


def offered(progress: Progress) -> str:
    """The message that the thread is to have and has not."""
    assert progress.kind.offer is not None
    draft = progress.kind.offer(1)
    assert draft is None or not draft.final
    return draft.payload if draft else ""


def shown(progress: Progress) -> str:
    """What a message that stands there is to show."""
    return str(progress.kind.render(Post(1, 1, "key", PROGRESS, "{}", final=False)) or "")


async def test_words_that_change_while_the_first_are_due_are_shown_at_once() -> None:
    progress, _, woken = turn()
    progress.tell(1, "Waiting for the tools to start")
    assert not woken.is_set()
    await wait(woken)
    woken.clear()

    progress.tell(1, "Thinking")

    await wait(woken)
    assert "Thinking" in offered(progress)


async def test_later_words_wait_for_as_long_as_slack_asks() -> None:
    progress, rate, woken = turn()
    progress.tell(1, "Thinking")
    await wait(woken)
    woken.clear()
    assert offered(progress)
    rate.hold(1, PROGRESS, 0.01)

    progress.tell(1, "Using a tool")

    assert not woken.is_set()
    assert rate.held(1, PROGRESS)
    await wait(woken)
    assert "Using a tool" in shown(progress)


async def test_the_same_words_are_no_news() -> None:
    progress, rate, woken = turn()
    progress.tell(1, "Thinking")
    rate.release(1, PROGRESS)
    progress.tell(1, "Thinking")
    assert not woken.is_set()


async def test_a_message_is_offered_once_a_turn_and_goes_away_when_the_turn_rests() -> None:
    progress, rate, _ = turn(NEVER)
    for words in ("Thinking", "Reading"):
        progress.tell(1, words)
        assert rate.held(1, PROGRESS)
        assert words in offered(progress)
        assert offered(progress) == ""
        assert words in shown(progress)
        progress.end(1)
        assert not rate.held(1, PROGRESS)
        assert (offered(progress), shown(progress)) == ("", "")


async def test_a_message_that_an_earlier_process_left_is_taken_over() -> None:
    progress, _, _ = turn()
    progress.tell(1, "Thinking")
    assert "Thinking" in shown(progress)
    assert offered(progress) == ""
    progress.end(1)
