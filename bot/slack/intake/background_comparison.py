"""Does in the background what is left to do after an outage: compares long threads with Slack from their first message
on, and reads threads that wait for people, one request at a time.

Right after an outage, only the newest messages of the threads with recent activity are compared. The list of what is
left is not stored: a restart counts as an outage, and a comparison finds changes whenever they were made.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.core.amendments import Amendment
from bot.core.outages import KnownThread
from bot.core.ports.outages import Outages
from bot.core.untrusted import items, mapping
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.history import PAGE
from bot.slack.intake.missed_changes import Comparison, Pages
from bot.slack.intake.missed_reader import NO_THREAD, MissedReader, compared
from bot.slack.intake.replied_threads import size_after
from bot.slack.intake.token_bucket import TokenBucket

log = logging.getLogger(__name__)

PER_MINUTE = 15.0
"""Requests. With those of `catch_up` and of turns, fewer than Slack allows (about 50)."""
MAX_PAGES = 200
"""Pages that are compared of one thread; the rest of a longer thread is not."""
FAILURES_AT_ONCE = 3
"""Failures in a row after which the rest is left until the next outage."""


@dataclass(slots=True)
class _Comparing:
    """A thread that is being compared."""

    thread: KnownThread
    last: int
    """The last outage whose changes the comparison will have found."""
    cursor: str | None = None
    after: str = ""
    """The timestamp of the newest message that was compared."""
    size: int = PAGE
    """The number of messages to request."""
    pages: int = 0


class BackgroundComparison:
    """The list of what is left to compare and read; one instance per process."""

    def __init__(
        self,
        store: Outages,
        reader: MissedReader,
        read: Callable[[KnownThread], Awaitable[bool]],
        apply: Callable[[Sequence[Amendment]], Awaitable[None]],
    ) -> None:
        """Create an empty list.

        Args:
            store: knows what is recorded.
            reader: has Slack's client.
            read: reads what was missed in a thread. Returns False if that failed, and may succeed later.
            apply: records edits and deletions.
        """
        self._store = store
        self._reader = reader
        self._read = read
        self._apply = apply
        self.rate = TokenBucket(1, PER_MINUTE)
        self._long: dict[int, KnownThread] = {}
        self._now: _Comparing | None = None
        self._waiting: deque[KnownThread] = deque()
        self._before = 0
        """The id of the last thread that was taken from those with an open turn."""
        self._until = 0
        """The id at which a round over them is complete; 0 before it has passed the lowest id."""
        self._is_round = self._wrapped = False
        self._failures = 0
        self._busy = False

    @property
    def has_work(self) -> bool:
        """Whether something is left to compare."""
        return self._busy or bool(self._now or self._long or self._waiting or self._is_round)

    def add(self, thread: KnownThread) -> None:
        """Add a thread whose messages are all to be compared."""
        self._long[thread.thread_id] = thread

    def begin(self) -> None:
        """Start a round that reads every thread with an open turn in which something may have been missed.

        A round continues where the previous one was interrupted, so that every thread is reached even if outages are
        frequent.
        """
        self._until, self._is_round, self._wrapped, self._failures = self._before, True, not self._before, 0

    async def step(self) -> None:
        """Make the next request, or find that nothing is left to do."""
        self._busy = True
        try:
            await self._step()
        except BaseException:
            self._now = None  # it must not fail again and again
            raise
        finally:
            self._busy = False

    async def _step(self) -> None:
        if self._now is None and self._long:
            thread = self._long.pop(next(iter(self._long)))
            gap = await self._store.gap(thread.thread_id)
            self._now = _Comparing(thread, min(gap.last, self._reader.over()) if gap else 0)
        if self._now is not None:
            await self._compare(self._now)
        elif (waiting := await self._next()) is not None:
            self._count(await self._read(waiting))

    async def _next(self) -> KnownThread | None:
        """Return the next thread with an open turn in which something may have been missed."""
        while self._is_round:
            while self._waiting:
                thread = self._waiting.popleft()
                self._before = thread.thread_id
                gap = await self._store.gap(thread.thread_id)
                if gap is not None and thread.thread_id not in self._long:
                    return replace(thread, gap=gap)
            found = await self._store.open_turns(self._before)
            if self._wrapped:
                found = [each for each in found if each.thread_id >= self._until]
            self._waiting.extend(found)
            if not found:
                self._is_round = not self._wrapped
                self._before, self._wrapped = 0, True
        return None

    async def _compare(self, now: _Comparing) -> None:
        """Compare a page, and record what has changed."""
        try:
            changes, is_over = await self._page(now)
        except LookupError:  # hidden by the workspace's plan
            self._now = None
            return
        except SLACK_ERRORS as error:
            log.warning("cannot compare a thread in %s with Slack (%s)", now.thread.place.channel, code_of(error))
            self._now = None
            self._count(False)
            return
        await self._apply(changes)
        self._count(True)
        if is_over and now.last:
            await self._store.caught_up(now.thread.thread_id, now.last)
        if is_over or now.pages >= MAX_PAGES:
            self._now = None

    async def _page(self, now: _Comparing) -> tuple[Sequence[Amendment], bool]:
        """Return the edits and deletions in the next page of a thread, and whether it is the last.

        Raises SLACK_ERRORS, and LookupError if a part of the thread is hidden.
        """
        reader, place, thread_id = self._reader, now.thread.place, now.thread.thread_id
        about = Comparison(place, reader.clock(), reader.ourselves, reader.bots, reader.late_seconds)
        recorded = await self._store.recorded(thread_id)
        now.pages += 1
        try:
            answer: Any = await reader.client.conversations_replies(
                channel=place.channel, ts=place.thread_ts, limit=now.size, cursor=now.cursor, include_all_metadata=True
            )
        except SLACK_ERRORS as error:
            if code_of(error) != NO_THREAD:
                raise
            return [about.deletion(place.thread_ts, ends_thread=True)], True
        messages = [each for item in items(answer.get("messages")) if (each := mapping(item))]
        following = str(mapping(answer.get("response_metadata")).get("next_cursor") or "")
        is_last = not following or following == now.cursor
        is_whole = is_last and answer.get("has_more") is not True
        pages = Pages(messages, float(now.after or 0), is_whole=is_whole, is_limited=answer.get("is_limited") is True)
        if pages.is_limited:
            raise LookupError("a part of the thread is hidden")
        if not recorded:
            return (), True
        # Only what was recorded before the request can have been deleted.
        newest = recorded[0].ts
        upto = newest if is_whole else min(newest, pages.newest)
        changes, _ = await compared(about, await self._store.recorded(thread_id, now.after or "0", upto), pages)
        now.cursor, now.after, now.size = following, max(now.after, upto), size_after(messages)
        return changes, is_last

    def _count(self, done: bool) -> None:
        """Count failures in a row; after too many, leave the rest."""
        self._failures = 0 if done else self._failures + 1
        if self._failures >= FAILURES_AT_ONCE:
            self._long.clear()
            self._waiting.clear()
            self._is_round = False
