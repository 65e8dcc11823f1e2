"""Supervises background tasks: logs their failures and restarts those that must keep running."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

FIRST_PAUSE, MAX_PAUSE = 0.5, 60.0
"""Seconds before a restart; doubles with each consecutive failure, with jitter."""
STABLE_SECONDS = 30.0
"""A task that ran for longer than this counts as recovered: the pause starts over at the first value."""


async def run_forever(
    name: str, work: Callable[[], Awaitable[object]], *, first: float = FIRST_PAUSE, longest: float = MAX_PAUSE
) -> None:
    """Run `work` until this task is cancelled.

    `work` is not expected to end: whether it raises or returns, an error is logged and it is restarted after a pause.
    """
    failures = 0
    while True:
        began = time.monotonic()
        error = await _end_of(work)
        failures = 1 if time.monotonic() - began > STABLE_SECONDS else failures + 1
        pause = min(longest, first * 2.0 ** min(failures - 1, 20)) * random.uniform(0.5, 1.0)  # noqa: S311
        log.error("%s has ended unexpectedly and restarts in %.1f s", name, pause, exc_info=error)
        await asyncio.sleep(pause)


class BackgroundTasks:
    """Tasks that nobody waits for."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[object]] = set()

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a task; exceptions are logged."""
        task: asyncio.Task[object] = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._done)

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in list(self.running):
            task.cancel()

    async def wait(self) -> None:
        """Return when all tasks have ended."""
        if self.running:
            await asyncio.wait(self.running)

    def _done(self, task: asyncio.Task[object]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task failed", exc_info=error)


class ProblemTracker:
    """Deduplicates reports of recurring problems, which a check every 30 s would otherwise log each time."""

    MAX_REPORTED = 1_000

    def __init__(self) -> None:
        self._reported: dict[object, str] = {}

    def is_new(self, about: object, words: str) -> bool:
        """Remember a problem. Returns whether it is new or has changed, so that it should be logged."""
        if self._reported.get(about) == words:
            return False
        if len(self._reported) >= self.MAX_REPORTED:
            del self._reported[next(iter(self._reported))]
        self._reported[about] = words
        return True

    def resolve(self, about: object) -> None:
        """Forget the problem: it is reported again when it recurs."""
        self._reported.pop(about, None)


async def _end_of(work: Callable[[], Awaitable[object]]) -> BaseException | None:
    try:
        await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error  # something it awaited was cancelled, not this task
    except Exception as error:  # noqa: BLE001  # logged by the caller
        return error
    return None
