"""No wake is lost, whenever it comes, and a failure affects only its own key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.scheduler import local
from bot.scheduler.local import KeyedWorker

pytestmark = pytest.mark.anyio


async def _nothing(_: int) -> None:
    return


def keyed_worker(work: Callable[[int], Awaitable[None]]) -> KeyedWorker:
    return KeyedWorker(work, _nothing)


async def bounded(waiting: Awaitable[object]) -> None:
    async with asyncio.timeout(5):
        await waiting


async def test_a_wake_before_the_work_is_first_watched_is_not_lost() -> None:
    noticed = asyncio.Event()

    async def work(key: int) -> None:
        if noticed.is_set():
            return
        # Somebody presses a button after the thread was loaded and before the work is watched.
        worker.wake(key)
        with worker.watch(key, noticed.set):
            await noticed.wait()

    worker = keyed_worker(work)
    worker.wake(1)
    await bounded(noticed.wait())
    await worker.close(1)


async def test_a_wake_between_two_watches_is_not_lost_and_one_during_a_watch_is_noticed_once() -> None:
    heard: list[str] = []
    done = asyncio.Event()

    async def work(key: int) -> None:
        if heard:
            return
        with worker.watch(key, lambda: heard.append("first")):
            worker.wake(key)
        with worker.watch(key, lambda: heard.append("second")):
            pass
        worker.wake(key)
        with worker.watch(key, lambda: heard.append("third")):
            pass
        done.set()

    worker = keyed_worker(work)
    worker.wake(1)
    await bounded(done.wait())
    assert heard == ["first", "third"]
    await worker.close(1)


async def test_work_that_awaited_something_cancelled_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
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

    worker = keyed_worker(work)
    worker.wake(1)
    await bounded(twice.wait())
    await worker.close(1)


async def test_closing_keeps_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "CANCEL_SECONDS", 0.1)
    began, release = asyncio.Event(), asyncio.Event()

    async def work(_: int) -> None:
        began.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue  # it ignores the cancellation

    worker = keyed_worker(work)
    worker.wake(1)
    await bounded(began.wait())
    loop = asyncio.get_running_loop()
    before = loop.time()
    await worker.close(0.3)
    assert 0.2 <= loop.time() - before < 0.6
    release.set()


async def test_the_number_of_remembered_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PAUSES", ())
    monkeypatch.setattr(local, "MAX_FAILURES", 5)

    async def work(_: int) -> None:
        raise ValueError("broken")

    worker = keyed_worker(work)
    for key in range(50):
        worker.wake(key)
    for _ in range(500):
        await asyncio.sleep(0)
    sizes = {name: len(value) for name, value in vars(worker).items() if isinstance(value, dict | set)}
    assert sizes == {**dict.fromkeys(sizes, 0), "_failures": 5}


async def test_many_simultaneous_wakes_start_a_few_runs_per_loop_iteration_in_order() -> None:
    begun: list[int] = []

    async def work(key: int) -> None:
        begun.append(key)
        await asyncio.Event().wait()

    worker = keyed_worker(work)
    for key in range(20):
        worker.wake(key)
    passes = [0]
    while len(begun) < 20:
        await asyncio.sleep(0)
        passes.append(len(begun))
        assert passes[-1] - passes[-2] <= local.STARTS_PER_ITERATION
        assert len(passes) < 100
    assert begun == list(range(20))
    await worker.close(0.1)
