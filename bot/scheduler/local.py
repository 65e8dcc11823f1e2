"""Wakes threads inside this process: one run at a time for each key, a wake during a run leads to one more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

STARTS_A_PASS = 2
"""Runs that may begin in one pass of the event loop. Hundreds of wakes at once would otherwise fill the passes, and
events wait several passes for their ack."""

PAUSES = (2.0, 15.0, 60.0)
"""Seconds before a run that raised is tried again; after the last, only a new wake tries."""

MOST_FAILURES = 10_000
"""Keys of which is remembered how often they have failed."""
CANCEL_SECONDS = 0.5
"""Of the time to close, what is left to those that were cancelled."""


class Wakes:
    """Runs `work(key)` in tasks of its own. Wakes may repeat: the work finds out itself what there is to do."""

    def __init__(self, work: Callable[[int], Awaitable[None]], failed: Callable[[int], Awaitable[None]]) -> None:
        """`failed` is told of a key whose work raised, after it was logged."""
        self._work = work
        self._failed = failed
        self._again: set[int] = set()
        self._news: set[int] = set()
        """Keys that were woken since their work began, or since it last asked."""
        self._running: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, None] = {}
        self._failures: dict[int, int] = {}
        self._starts = 0
        """Runs that have begun in this pass of the loop."""
        self._open = True
        self._changes: dict[int, asyncio.Event] = {}

    @property
    def closed(self) -> bool:
        """No more is taken: finish what you are at."""
        return not self._open

    @property
    def idle(self) -> bool:
        """No run is under way or due."""
        return not self._running and not self._waiting

    def wake(self, key: int) -> None:
        """See to it that the work runs for this key from now on at least once."""
        if not self._open:
            return
        if key in self._running:
            self._again.add(key)
            self._news.add(key)
            if key in self._changes:
                self._changes[key].set()
        elif key not in self._waiting:
            self._waiting[key] = None
            if self._starts < STARTS_A_PASS:
                self._start()

    async def woken(self, key: int) -> None:
        """Return when a key whose work is running is woken, at once when it was woken since the work began or last
        asked. For the work itself; one at a time."""
        event = self._changes.setdefault(key, asyncio.Event())
        while key not in self._news:
            event.clear()
            await event.wait()
        self._news.discard(key)

    def _start(self) -> None:
        """Begin the run that has waited longest."""
        if not self._starts:
            asyncio.get_running_loop().call_soon(self._pass)
        self._starts += 1
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._running[key] = asyncio.create_task(self._run(key))

    def _pass(self) -> None:
        """The next pass of the loop has begun."""
        self._starts = 0
        while self._waiting and self._starts < STARTS_A_PASS:
            self._start()

    async def close(self, seconds: float) -> None:
        """Take no more wakes, let what runs finish, and cancel it when it takes too long: all of it in so many
        seconds."""
        self._open = False
        self._waiting.clear()
        tasks = list(self._running.values())
        if not tasks:
            return
        until = time.monotonic() + seconds
        _, late = await asyncio.wait(tasks, timeout=max(0.0, seconds - CANCEL_SECONDS))
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=max(0.0, until - time.monotonic()))

    async def _run(self, key: int) -> None:
        try:
            while True:
                self._again.discard(key)
                self._news.discard(key)
                try:
                    await self._work(key)
                    self._failures.pop(key, None)
                except (Exception, asyncio.CancelledError):
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        raise  # this run is cancelled, and not something that it waited for
                    log.exception("thread %s: stopped by an error", key)
                    self._try_later(key)
                    await self._tell(key)
                if key not in self._again or not self._open:
                    return
        finally:
            self._running.pop(key, None)
            self._changes.pop(key, None)
            self._news.discard(key)
            self._again.discard(key)

    def _try_later(self, key: int) -> None:
        """A passing error (a full disk, say) goes away by itself; one of ours must not run for ever."""
        failures = self._failures[key] = self._failures.pop(key, 0) + 1
        if len(self._failures) > MOST_FAILURES:
            del self._failures[next(iter(self._failures))]
        if failures <= len(PAUSES):
            asyncio.get_running_loop().call_later(PAUSES[failures - 1], self.wake, key)

    async def _tell(self, key: int) -> None:
        try:
            await self._failed(key)
        except Exception:
            log.exception("thread %s: could not say so", key)
