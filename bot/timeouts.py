"""Makes `asyncio.timeout` right in a task that is being cancelled, for Python 3.11.0 to 3.11.2.

There, what cleans up after a cancellation and bounds a step of it gets CancelledError instead of TimeoutError when the
time is over (python/cpython#102780), so the rest of the clean-up is skipped: a tool server that ignores the end of its
input was left running. Debian 12 has 3.11.2. The libraries use `asyncio.timeout` too, so it is repaired for all.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, cast


def repair() -> None:
    """Replace how an `asyncio.Timeout` is entered and left. Call it once, before anything runs."""
    kind = cast(Any, asyncio.Timeout)
    enter, leave = kind.__aenter__, kind.__aexit__

    async def __aenter__(self: Any) -> asyncio.Timeout:
        entered = await enter(self)
        self._cancelling_before = _task().cancelling()
        return entered

    async def __aexit__(
        self: Any, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        expired = self.expired()
        result = await leave(self, exc_type, exc_val, exc_tb)
        if expired and exc_type is asyncio.CancelledError and _task().cancelling() <= self._cancelling_before:
            # Nobody has asked again since it was entered, so this cancellation is the timeout's own.
            raise TimeoutError from exc_val
        return result

    kind.__aenter__, kind.__aexit__ = __aenter__, __aexit__


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task
