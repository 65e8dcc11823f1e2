"""The pauses in long work: taken by who computes, not by who waits."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot import pace
from bot.pace import Pace

pytestmark = pytest.mark.anyio


async def passes(work: asyncio.Task[object]) -> int:
    """How many passes of the loop a task takes to its end."""
    count = 0
    while not work.done():
        await asyncio.sleep(0)
        count += 1
    return count


async def test_who_computes_for_long_lets_others_run() -> None:
    async def work() -> None:
        keeping = Pace()
        for _ in range(3):
            until = time.thread_time() + pace.SECONDS * 1.1
            while time.thread_time() < until:
                pass
            await keeping.rest()

    assert await passes(asyncio.create_task(work())) >= 3


async def test_who_has_waited_goes_on_at_once() -> None:
    keeping, woken = Pace(), asyncio.Event()
    asyncio.get_running_loop().call_later(pace.SECONDS * 3, woken.set)
    async with asyncio.timeout(5):
        await woken.wait()

    with pytest.raises(StopIteration):  # it ends without a pass of the loop
        keeping.rest().send(None)
