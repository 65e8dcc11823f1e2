"""How long the event loop is held: the CPU time that one callback takes of the loop's own thread.

CPU time and not the clock, so that other processes on the machine do not count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.machine import allowed

MAX_SECONDS = 0.05
HELD = "held an event loop"
"""What a test says that fails for this: `tests.lagging` runs it once more."""


class Lag:
    """The longest callback so far."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.what = ""

    def check(self, doing: str = "") -> None:
        """Fail when a callback took too long."""
        assert self.longest <= MAX_SECONDS or self.longest <= allowed(MAX_SECONDS), (
            f"{HELD} for {self.longest * 1000:.0f} ms: {doing} {self.what}"
        )


@contextmanager
def watched() -> Generator[Lag]:
    """Measure every callback of the loops of this process meanwhile."""
    lag, original = Lag(), asyncio.events.Handle._run  # pyright: ignore[reportPrivateUsage]

    def run(self: Any) -> None:
        words = repr(self)[:300] if lag.longest > MAX_SECONDS else ""
        began = time.thread_time()
        original(self)
        taken = time.thread_time() - began
        if taken > lag.longest:
            lag.longest, lag.what = taken, words or repr(self)[:500]

    asyncio.events.Handle._run = run  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    try:
        yield lag
    finally:
        asyncio.events.Handle._run = original  # pyright: ignore[reportPrivateUsage]
