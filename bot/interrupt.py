"""Runs a coroutine so that Ctrl-C never hits a half-initialized event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine like `asyncio.run`, but delay an interrupt until the coroutine has started.

    asyncio installs its SIGINT handler only once the loop exists. An earlier interrupt aborts the setup of the loop
    with a traceback. Raises KeyboardInterrupt as `asyncio.run` does.
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
