"""One time limit for all the parts of the shutdown, and an end to the process when even that was not enough."""

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
"""For all parts together: the promise is 15 s, and the interpreter takes a moment to end."""
LAST_SECONDS = 0.7
"""From there on the process is ended as it stands."""


class Deadline:
    """Runs out once; each part of the shutdown gets what is left."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self, most: float, *, keep: float = 0.0) -> float:
        """Seconds for a part that may take so long, when the later ones are to have `keep` of what is left."""
        return max(0.0, min(most, self._until - time.monotonic() - keep))

    async def part(self, name: str, work: Awaitable[object], most: float, *, keep: float = 0.0) -> None:
        """Do a part; what takes too long is given up, what it raises is in the log. Comes back in time also when the
        part does not let itself be cancelled."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait([task], timeout=self.left(most, keep=keep))
        if not done:
            log.warning("stopping: %s took too long and is left as it is", name)
            task.cancel()
            with suppress(TimeoutError):
                await asyncio.wait([task], timeout=self.left(0.1))
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("stopping: %s has failed", name, exc_info=error)


def end_for_sure(seconds: float) -> None:
    """End the process after so many seconds, if it has not ended by then: a thread that hangs in a dead disk would
    keep it for ever. What counts is on the disk, and goes on at the next start."""

    def end() -> None:
        log.error("stopping took more than %.0f s; the rest is left for the next start", seconds)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
