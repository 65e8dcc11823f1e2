"""Keeps the event loop free: long work is done beside it in a thread, and work on many things with pauses between them.

How long the work takes is somebody else's choice (a model's, a server's, a person's), and everybody waits for the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SMALL: Final = 5_000
"""Characters, or steps of about as much work, that are not worth a thread."""
ANY: Final = SMALL + 1
"""For work of which nobody knows how long it takes."""
SECONDS: Final = 0.01
"""CPU time for which many small things are worked on without a pause."""

# Few threads of its own: they compute, and each more of them would have the loop wait longer for the interpreter.
_threads: Final = ThreadPoolExecutor(2, thread_name_prefix="beside the loop")


async def beside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that only computes: at once when there is little to do, else in a thread."""
    if size <= SMALL:
        return work(*args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(work, *args, **kwargs))


class Pace:
    """For a loop over things of which each is quickly done, however many there are."""

    def __init__(self) -> None:
        # The thread's own time: who has waited for the next thing has kept nobody else waiting.
        self._since = time.thread_time()

    async def rest(self) -> None:
        """Let others run, if that has not been done for a while."""
        if time.thread_time() - self._since > SECONDS:
            await asyncio.sleep(0)
            self._since = time.thread_time()
