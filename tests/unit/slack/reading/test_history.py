"""However a thread was written, its newest messages are found in a bounded number of requests, and what is left out is
counted."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.thread_ref import ThreadRef
from bot.slack import history_gaps
from bot.slack.history import MAX_PAGES, History, ThreadReader

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
ROOT = 1_700_000_000.0


class Thread:
    """A thread as conversations.replies gives it: the oldest first, each page with the root."""

    def __init__(self, times: list[float], **root: object) -> None:
        stamps = sorted({f"{ROOT + 1 + each:.6f}" for each in times})
        self.replies: list[Json] = [{"ts": ts, "text": f"number {number}"} for number, ts in enumerate(stamps)]
        latest = stamps[-1] if stamps else ""
        self.root: Json = {"ts": f"{ROOT:.6f}", "reply_count": len(stamps), "latest_reply": latest, **root}
        self.requests = 0
        self.error: type[Exception] | None = None

    async def conversations_replies(
        self, *, limit: int, oldest: str | None = None, cursor: str | None = None, **_: object
    ) -> Json:
        self.requests += 1
        if self.error is not None and self.requests > 1:
            raise self.error
        found = [each for each in self.replies if float(each["ts"]) > float(oldest or 0)]
        start = int(cursor or 0)
        more = {"response_metadata": {"next_cursor": str(start + limit)}} if start + limit < len(found) else {}
        return {"messages": [self.root, *found[start : start + limit]], **more}


async def read(thread: Thread, most: int = 100) -> History:
    place = ThreadRef("T1", "C1", f"{ROOT:.6f}", "channel")
    return await ThreadReader(cast(AsyncWebClient, thread), place, most).read()


def newest(history: History, thread: Thread) -> int:
    """How many of the newest replies were read. Raises AssertionError if any others were."""
    found = list(history.replies)
    assert found == thread.replies[len(thread.replies) - len(found) :]
    assert history.left_out == len(thread.replies) - len(found)
    assert thread.requests <= MAX_PAGES
    return len(found)


@pytest.mark.parametrize("length", [0, 1, 49, 50, 51, 100, 101, 149, 1_000, 4_800])
async def test_a_thread_that_can_be_walked_through_is_read_to_its_end(length: int) -> None:
    thread = Thread([float(number) for number in range(length)])
    assert newest(await read(thread), thread) == min(100, length)


SHAPES = {
    "even": lambda number: number * 100.0,
    "ever more": lambda number: float(number) ** 0.3 * 1e6,
    "ever less": lambda number: float(number) ** 3 * 1e-6,
    "a burst at the end": lambda number: number * 10.0 + (number > 19_000) * 1e6,
    "two bursts": lambda number: number * 1.0 + (number > 10_000) * 1e7,
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_of_a_longer_one_newest_messages_are_found(shape: str) -> None:
    thread = Thread([SHAPES[shape](number) for number in range(20_000)])
    assert newest(await read(thread), thread) >= 20


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=200), st.integers(1, 60), st.integers(1, 120))
async def test_whatever_is_read_is_the_newest(times: list[float], repeated: int, most: int) -> None:
    thread = Thread([each + number * 0.001 for each in times for number in range(repeated)])
    newest(await read(thread, most), thread)


async def test_what_was_read_before_slack_stopped_answering_is_kept() -> None:
    thread = Thread([float(number) for number in range(500)])
    thread.error = TimeoutError
    history = await read(thread)
    assert (len(history.replies), history.left_out, history.error) == (50, 450, "TimeoutError")
    assert "some of what was said" in history_gaps.for_the_model(history)
    assert history_gaps.for_the_model(history).startswith(
        "450 other messages of this thread are not shown here; some of"
    )
    assert history_gaps.for_people(history).startswith(
        "I couldn't read some of what was said here before: Slack did not"
    )


class Circle(Thread):
    """A thread of which the pages begin again, or overlap."""

    def __init__(self, length: int, *, overlap: int = 0, loop: int = 0) -> None:
        super().__init__([float(number) for number in range(length)])
        self.overlap, self.loop = overlap, loop

    async def conversations_replies(
        self, *, limit: int, oldest: str | None = None, cursor: str | None = None, **more: object
    ) -> Json:
        if self.loop and cursor and int(cursor) >= self.loop:
            self.requests += 1
            found = self.replies[int(cursor) - limit : int(cursor)]
            return {"messages": [self.root, *found], "response_metadata": {"next_cursor": cursor}}
        start = max(0, int(cursor or 0) - self.overlap)
        return await super().conversations_replies(limit=limit + self.overlap, oldest=oldest, cursor=str(start), **more)


@pytest.mark.parametrize("length", [0, 1, 50, 51, 99, 100, 101, 400, 5_000])
@pytest.mark.parametrize("overlap", [1, 7])
async def test_what_two_pages_have_is_read_once(length: int, overlap: int) -> None:
    thread = Circle(length, overlap=overlap)
    read_now = await read(thread)
    found = [each["ts"] for each in read_now.replies]
    assert len(set(found)) == len(found)
    assert newest(read_now, thread) >= min(length, 20)


@pytest.mark.parametrize("loop", [50, 100])
async def test_pages_that_begin_again_are_not_read_again_and_again(loop: int) -> None:
    thread = Circle(500, loop=loop)
    history = await read(thread)
    assert thread.requests <= 4
    assert len({each["ts"] for each in history.replies}) == len(history.replies)
    assert not history.is_newest
    assert "the same part" in history_gaps.for_people(history)
    assert history.left_out == 500 - len(history.replies)


@pytest.mark.parametrize(
    "root", [{"reply_count": 10**14}, {"reply_count": "x", "latest_reply": 5}, {"latest_reply": "x"}]
)
async def test_a_root_that_makes_no_sense_costs_no_more(root: Json) -> None:
    thread = Thread([float(number) for number in range(300)], **root)
    history = await read(thread)
    assert thread.requests <= MAX_PAGES
    assert history.replies


def test_nothing_is_said_of_what_was_read_whole() -> None:
    assert (history_gaps.for_the_model(History({})), history_gaps.for_people(History({}))) == ("", "")


PASSING = (
    "internal_error",
    "service_unavailable",
    "HTTP 502",
    "ServerDisconnectedError",
    "ClientOSError",
    "<!here>\nx",
)


@pytest.mark.parametrize("code", PASSING)
def test_of_what_passes_by_itself_people_read_when_to_try_again(code: str) -> None:
    words = history_gaps.for_people(History(error=code))
    assert words.endswith("Slack has a problem at the moment; mention me again in a minute.")
    assert code in history_gaps.for_the_model(History(error=code))
