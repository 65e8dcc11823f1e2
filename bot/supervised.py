"""Background work that must not end unseen: it is started again after it raised, and what it raised is in the log."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds between an end and the next start; doubled with each end, with jitter."""
STABLE_SECONDS = 30.0
"""What ran so long is started again after the first pause, however often it has failed before."""


async def forever(
    name: str, work: Callable[[], Awaitable[object]], *, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE
) -> None:
    """Run `work` until this task is cancelled. It is not expected to end: whether it raises or returns, that is
    reported, and it runs again after a pause."""
    failures = 0
    while True:
        began = time.monotonic()
        error = await _end_of(work)
        failures = 1 if time.monotonic() - began > STABLE_SECONDS else failures + 1
        pause = min(longest, first * 2.0 ** min(failures - 1, 20)) * random.uniform(0.5, 1.0)  # noqa: S311
        log.error("%s has ended unexpectedly and starts again in %.1f s", name, pause, exc_info=error)
        await asyncio.sleep(pause)


async def once(name: str, work: Awaitable[object]) -> None:
    """Run something that nobody waits for to its end; what it raises is in the log."""
    try:
        await work
    except Exception:
        log.exception("%s has failed", name)


class Reports:
    """Says each trouble once, and again when it has changed: what is looked at every 30 s would fill the log."""

    MOST = 1_000

    def __init__(self) -> None:
        self._said: dict[object, str] = {}

    def trouble(self, about: object, words: str) -> bool:
        """Whether this is news about that; to be said then."""
        if self._said.get(about) == words:
            return False
        if len(self._said) >= self.MOST:
            del self._said[next(iter(self._said))]
        self._said[about] = words
        return True

    def well(self, about: object) -> None:
        """That is over: the next time it is news again."""
        self._said.pop(about, None)


async def _end_of(work: Callable[[], Awaitable[object]]) -> BaseException | None:
    try:
        await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error  # something that it waited for was cancelled, and not this
    except Exception as error:  # noqa: BLE001  # reported by the caller
        return error
    return None
