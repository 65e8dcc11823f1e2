"""An idle timeout whose reset is cheap enough to call for every token of a stream."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Watchdog:
    """Raises TimeoutError in the block when `reset` was not called for `seconds`.

    Unlike `asyncio.timeout` with `reschedule`, a reset only reads the clock; the timer is adjusted when it fires.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def reset(self) -> None:
        """Restart the timeout."""
        self._since = self._loop.time()

    def shorten(self, seconds: float) -> None:
        """Change the timeout to `seconds` and restart it."""
        self._seconds = seconds
        self._since = self._loop.time()
        self._check()

    def _check(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        ends = self._since + self._seconds
        if ends <= self._loop.time():
            self._limit.reschedule(self._loop.time())
        else:
            self._timer = self._loop.call_at(ends, self._check)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._timer is not None:
            self._timer.cancel()
        return await self._limit.__aexit__(kind, error, trace)
