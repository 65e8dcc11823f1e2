"""Runs work in this process by key: at most one run per key at a time; a wake during a run causes one more run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

log = logging.getLogger(__name__)

STARTS_PER_ITERATION = 2
"""Runs that may start in one iteration of the event loop. Hundreds of simultaneous wakes would otherwise delay the
acknowledgement of events, which takes several iterations."""

PAUSES = (2.0, 15.0, 60.0)
"""Seconds before each retry of a run that raised; after the last retry only a new wake starts a run."""

MAX_FAILURES = 10_000
"""Keys for which the number of consecutive failures is remembered."""
CANCEL_SECONDS = 0.5
"""The part of the closing time that is reserved for cancelled runs."""


class KeyedWorker:
    """Runs `work(key)` in a task per key. Wakes may repeat: the work determines itself what there is to do."""

    def __init__(self, work: Callable[[int], Awaitable[None]], failed: Callable[[int], Awaitable[None]]) -> None:
        """`failed` is called with a key whose work raised, after the exception was logged."""
        self._work = work
        self._failed = failed
        self._again: set[int] = set()
        self._news: set[int] = set()
        """Keys that were woken since their work started or was last watched."""
        self._running: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, None] = {}
        self._failures: dict[int, int] = {}
        self._starts = 0
        """Runs started in the current iteration of the event loop."""
        self._open = True
        self._watchers: dict[int, Callable[[], None]] = {}

    @property
    def closed(self) -> bool:
        """Whether `close` was called: running work should finish soon."""
        return not self._open

    @property
    def idle(self) -> bool:
        """Whether no run is in progress or pending."""
        return not self._running and not self._waiting

    def runs(self, key: int) -> bool:
        """Whether a run for this key is in progress."""
        return key in self._running

    def wake(self, key: int) -> None:
        """Ensure that the work for this key runs at least once from now on."""
        if not self._open:
            return
        if key in self._running:
            self._again.add(key)
            if key in self._watchers:
                self._watchers[key]()
            else:
                self._news.add(key)
        elif key not in self._waiting:
            self._waiting[key] = None
            if self._starts < STARTS_PER_ITERATION:
                self._start()

    @contextmanager
    def watch(self, key: int, noticed: Callable[[], None]) -> Generator[None]:
        """Call `noticed` at each wake of a running key during a block; at once if it was woken since its work started
        or was last watched.

        To be used by the work itself, one block at a time.
        """
        self._watchers[key] = noticed
        if key in self._news:
            self._news.discard(key)
            noticed()
        try:
            yield
        finally:
            self._watchers.pop(key, None)

    def _start(self) -> None:
        """Start the run that has waited longest."""
        if not self._starts:
            asyncio.get_running_loop().call_soon(self._next_iteration)
        self._starts += 1
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._running[key] = asyncio.create_task(self._run(key))

    def _next_iteration(self) -> None:
        """Start waiting runs in the next iteration of the event loop."""
        self._starts = 0
        while self._waiting and self._starts < STARTS_PER_ITERATION:
            self._start()

    async def close(self, seconds: float) -> None:
        """Reject new wakes, wait for the running work, and cancel what takes too long, within this many seconds."""
        self._open = False
        self._waiting.clear()
        for noticed in [*self._watchers.values()]:
            noticed()  # work that waits for a wake sees that none comes any more
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
                        raise  # this run is cancelled, not something it awaited
                    log.exception("thread %s: stopped by an error", key)
                    self._try_later(key)
                    await self._report_failure(key)
                if key not in self._again or not self._open:
                    return
        finally:
            self._running.pop(key, None)
            self._news.discard(key)
            self._again.discard(key)

    def _try_later(self, key: int) -> None:
        """Schedule a retry: a temporary error such as a full disk passes, but a bug must not be retried forever."""
        failures = self._failures[key] = self._failures.pop(key, 0) + 1
        if len(self._failures) > MAX_FAILURES:
            del self._failures[next(iter(self._failures))]
        if failures <= len(PAUSES):
            asyncio.get_running_loop().call_later(PAUSES[failures - 1], self.wake, key)

    async def _report_failure(self, key: int) -> None:
        try:
            await self._failed(key)
        except Exception:
            log.exception("thread %s: the error could not be reported", key)
