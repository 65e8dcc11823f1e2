"""A time limit that starts again whenever something happens, cheap enough for every token of a stream."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Watchdog:
    """Ends the block with TimeoutError when `reset` was not called for so many seconds.

    Unlike `asyncio.timeout` with `reschedule`, a reset only reads the clock; the timer looks after it when it fires.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def reset(self) -> None:
        """Something happened."""
        self._since = self._loop.time()

    def shorten(self, seconds: float) -> None:
        """From now on end the block so soon after the last reset, and count from now."""
        self._seconds = seconds
        self._since = self._loop.time()
        self._look()

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        ends = self._since + self._seconds
        if ends <= self._loop.time():
            self._limit.reschedule(self._loop.time())
        else:
            self._timer = self._loop.call_at(ends, self._look)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._timer is not None:
            self._timer.cancel()
        return await self._limit.__aexit__(kind, error, trace)
