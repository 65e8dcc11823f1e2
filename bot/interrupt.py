"""Runs a coroutine so that Ctrl-C is never in time to find half an event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, but an interrupt that comes before the coroutine has begun waits until it has.

    asyncio takes over SIGINT only once the loop stands. What comes sooner ends the loop while it is being made, and
    Python prints a traceback about that. Raises KeyboardInterrupt as `asyncio.run` does.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return asyncio.run(_interruptible(main))
    finally:
        _allow()


async def _interruptible(main: Coroutine[Any, Any, T]) -> T:
    _allow()
    return await main


def _allow() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
