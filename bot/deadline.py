"""A time limit shared by all steps of the shutdown, and a forced exit when the shutdown hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable
from contextlib import suppress

log = logging.getLogger(__name__)

STOP_SECONDS = 14.0
"""For all steps together: the documented limit is 15 s, and the interpreter needs a moment to exit."""
LAST_SECONDS = 0.7
"""Grace period after STOP_SECONDS before the process is forced to exit."""


class Deadline:
    """A fixed point in time; each step of the shutdown gets the time that remains."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def remaining(self, most: float, *, keep: float = 0.0) -> float:
        """Return the seconds a step may take: at most `most`, and leaving `keep` seconds for later steps."""
        return max(0.0, min(most, self._until - time.monotonic() - keep))

    async def run_step(self, name: str, work: Awaitable[object], most: float, *, keep: float = 0.0) -> None:
        """Run a step of the shutdown within its share of the time.

        A step that takes too long is cancelled, and an exception is logged. Returns in time even when the step ignores
        the cancellation.
        """
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait([task], timeout=self.remaining(most, keep=keep))
        if not done:
            log.warning("shutdown: %s took too long and was cancelled", name)
            task.cancel()
            with suppress(TimeoutError):
                await asyncio.wait([task], timeout=self.remaining(0.1))
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("shutdown: %s failed", name, exc_info=error)


def force_exit_after(seconds: float) -> None:
    """Exit the process unconditionally if it is still running after this many seconds.

    A thread that hangs on an unresponsive disk would otherwise keep it alive forever. All state that matters is
    committed, and work resumes at the next start.
    """

    def end() -> None:
        log.error("shutdown took more than %.0f s; exiting now, work resumes at the next start", seconds)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
