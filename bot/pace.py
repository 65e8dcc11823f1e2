"""Keeps the event loop responsive: runs long computations in a thread and yields inside long loops.

The size of the input is chosen by others (a model, a server, a person), and every thread of the bot shares the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SMALL: Final = 5_000
"""Up to this size (characters, or steps of similar cost) a thread is not worth its overhead."""
UNKNOWN_SIZE: Final = SMALL + 1
"""The size to pass for work of unknown duration: always uses a thread."""
BUDGET_SECONDS: Final = 0.01
"""CPU time a loop may use before it yields."""

# Only two threads: they are CPU-bound, and with each additional one the event loop waits longer for the GIL.
_threads: Final = ThreadPoolExecutor(2, thread_name_prefix="compute")


async def offload(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a CPU-bound function: directly when `size` is at most SMALL, otherwise in a thread."""
    if size <= SMALL:
        return work(*args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(work, *args, **kwargs))


async def gathered(works: Iterable[Coroutine[Any, Any, T]]) -> Sequence[T]:
    """Return what coroutines return that run side by side. A single one needs no task. Raises what one of them raises;
    the others go on."""
    both = list(works)
    return [await both[0]] if len(both) == 1 else await asyncio.gather(*both) if both else ()


class Pace:
    """Lets a loop over many short steps yield to the event loop from time to time."""

    def __init__(self) -> None:
        # CPU time of this thread: time spent waiting for the next item does not block anybody.
        self._since = time.thread_time()
        self._looked_at = time.monotonic()

    async def checkpoint(self) -> None:
        """Yield to the event loop if more than BUDGET_SECONDS of CPU time have passed since the last yield; at the
        latest when it is twice as much."""
        # The time of day is read in a tenth of the time, and no more CPU time than that can have passed.
        now = time.monotonic()
        if now - self._looked_at <= BUDGET_SECONDS:
            return
        self._looked_at = now
        if time.thread_time() - self._since > BUDGET_SECONDS:
            await asyncio.sleep(0)
            self._since, self._looked_at = time.thread_time(), time.monotonic()
