"""Long loops yield to the event loop according to the CPU time they use, not the time they wait."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot import pace
from bot.pace import Pace

pytestmark = pytest.mark.anyio


async def passes(work: asyncio.Task[object]) -> int:
    """Returns how many iterations of the event loop a task takes to finish."""
    count = 0
    while not work.done():
        await asyncio.sleep(0)
        count += 1
    return count


async def test_a_long_computation_lets_others_run() -> None:
    async def work() -> None:
        pace_ = Pace()
        for _ in range(3):
            until = time.thread_time() + pace.BUDGET_SECONDS * 1.1
            while time.thread_time() < until:
                pass
            await pace_.checkpoint()

    assert await passes(asyncio.create_task(work())) >= 3


async def test_a_loop_that_has_only_waited_does_not_yield() -> None:
    pace_, woken = Pace(), asyncio.Event()
    asyncio.get_running_loop().call_later(pace.BUDGET_SECONDS * 3, woken.set)
    async with asyncio.timeout(5):
        await woken.wait()

    with pytest.raises(StopIteration):  # it returns without suspending
        pace_.checkpoint().send(None)
