"""Wakes: none is lost, whenever it comes, and no failure ends or outlives its key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.scheduler import local
from bot.scheduler.local import Wakes

pytestmark = pytest.mark.anyio


async def _nothing(_: int) -> None:
    return


def wakes(work: Callable[[int], Awaitable[None]]) -> Wakes:
    return Wakes(work, _nothing)


async def bounded(waiting: Awaitable[object]) -> None:
    async with asyncio.timeout(5):
        await waiting


async def test_a_wake_before_the_work_first_waits_is_not_lost() -> None:
    looked, ended = asyncio.Event(), asyncio.Event()

    async def work(key: int) -> None:
        if ended.is_set():
            return
        # Somebody presses a button after the thread was loaded, and before anybody waits for it.
        woken.wake(key)
        await woken.woken(key)
        looked.set()
        ended.set()

    woken = wakes(work)
    woken.wake(1)
    await bounded(looked.wait())
    await woken.close(1)


async def test_a_wake_while_a_wait_is_being_given_up_is_not_lost() -> None:
    looked = asyncio.Event()

    async def work(key: int) -> None:
        if looked.is_set():
            return
        waiting = asyncio.ensure_future(woken.woken(key))
        await asyncio.sleep(0)
        woken.wake(key)
        waiting.cancel()
        await asyncio.wait([waiting])
        await woken.woken(key)
        looked.set()

    woken = wakes(work)
    woken.wake(1)
    await bounded(looked.wait())
    await woken.close(1)


async def test_one_wake_is_heard_once() -> None:
    heard: list[str] = []
    done = asyncio.Event()

    async def work(key: int) -> None:
        if heard:
            return
        woken.wake(key)
        await woken.woken(key)
        heard.append("first")
        second = asyncio.ensure_future(woken.woken(key))
        await asyncio.wait([second], timeout=0.01)
        heard.append("again" if second.done() else "quiet")
        second.cancel()
        done.set()

    woken = wakes(work)
    woken.wake(1)
    await bounded(done.wait())
    assert heard == ["first", "quiet"]
    await woken.close(1)


async def test_work_that_waited_for_something_cancelled_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PAUSES", (0.0,))
    runs, twice = [0], asyncio.Event()

    async def work(_: int) -> None:
        runs[0] += 1
        if runs[0] == 2:
            twice.set()
            return
        other = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    woken = wakes(work)
    woken.wake(1)
    await bounded(twice.wait())
    await woken.close(1)


async def test_closing_takes_no_longer_than_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "CANCEL_SECONDS", 0.1)
    began, release = asyncio.Event(), asyncio.Event()

    async def work(_: int) -> None:
        began.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue  # it does not let itself be ended

    woken = wakes(work)
    woken.wake(1)
    await bounded(began.wait())
    loop = asyncio.get_running_loop()
    before = loop.time()
    await woken.close(0.3)
    assert 0.2 <= loop.time() - before < 0.6
    release.set()


async def test_what_is_remembered_of_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PAUSES", ())
    monkeypatch.setattr(local, "MOST_FAILURES", 5)

    async def work(_: int) -> None:
        raise ValueError("broken")

    woken = wakes(work)
    for key in range(50):
        woken.wake(key)
    for _ in range(500):
        await asyncio.sleep(0)
    sizes = {name: len(value) for name, value in vars(woken).items() if isinstance(value, dict | set)}
    assert sizes == {**dict.fromkeys(sizes, 0), "_failures": 5}


async def test_many_wakes_at_once_begin_a_few_in_each_pass_of_the_loop_and_all_in_order() -> None:
    begun: list[int] = []

    async def work(key: int) -> None:
        begun.append(key)
        await asyncio.Event().wait()

    woken = wakes(work)
    for key in range(20):
        woken.wake(key)
    passes = [0]
    while len(begun) < 20:
        await asyncio.sleep(0)
        passes.append(len(begun))
        assert passes[-1] - passes[-2] <= local.STARTS_A_PASS
        assert len(passes) < 100
    assert begun == list(range(20))
    await woken.close(0.1)
