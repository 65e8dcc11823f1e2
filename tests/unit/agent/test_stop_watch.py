"""A turn that is stopped breaks off what is being done for it, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from bot.agent.cancellation import Stop, StopMonitor
from bot.core.ports.store import Log
from bot.core.thread import ThreadState, Turn
from bot.core.thread_ref import ThreadRef
from bot.errors import StoreError

pytestmark = pytest.mark.anyio


def state() -> ThreadState:
    turn = Turn(id=1, requester="U1")
    return ThreadState(7, ThreadRef("T1", "C1", "1.0", "channel"), last_position=0, last_role="user", turn=turn)


class Thread:
    """A thread that can be stopped and woken, as a store and as a scheduler."""

    def __init__(self) -> None:
        self.stopped_by = ""
        self.loads = 0
        self.fails = False
        self.waits: asyncio.Event | None = None
        self._noticed: Callable[[], None] | None = None

    async def load(self, _: int) -> ThreadState:
        self.loads += 1
        if self.waits is not None:
            await self.waits.wait()
        if self.fails:
            raise StoreError("the disk is full")
        loaded = state()
        return replace(loaded, turn=Turn(id=1, requester="U1", stopped_by=self.stopped_by))

    @contextmanager
    def watch(self, thread_id: int, noticed: Callable[[], None]) -> Generator[None]:
        self._noticed = noticed
        try:
            yield
        finally:
            self._noticed = None

    def wake(self) -> None:
        if self._noticed is not None:
            self._noticed()


async def work_in(thread: Thread, work: Callable[[], Any], kept: ThreadState | None = None) -> str:
    stop = Stop()
    with StopMonitor(cast(Log, thread), thread.watch, kept or state(), stop), stop.scope():
        await work()
        return "done"
    return "broken off"


async def turns(many: int = 5) -> None:
    for _ in range(many):
        await asyncio.sleep(0)


async def test_work_that_nobody_stops_is_done_without_a_look_at_the_thread_or_another_task() -> None:
    thread, tasks = Thread(), len(asyncio.all_tasks())
    seen: list[int] = []

    async def work() -> None:
        await turns()
        seen.append(len(asyncio.all_tasks()))

    assert await work_in(thread, work) == "done"
    assert thread.loads == 0
    assert seen == [tasks]


async def test_a_stop_breaks_the_work_off_and_says_who_it_was() -> None:
    thread, kept, cancelled = Thread(), state(), False

    async def work() -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        finally:
            cancelled = True

    doing = asyncio.ensure_future(work_in(thread, work, kept))
    await turns()
    thread.wake()  # about something else
    await turns()
    assert not doing.done()
    thread.stopped_by = "U2"
    thread.wake()
    assert await doing == "broken off"
    assert cancelled
    assert kept.turn is not None
    assert kept.turn.stopped_by == "U2"


async def test_a_wake_while_the_thread_is_being_looked_at_leads_to_another_look() -> None:
    thread = Thread()
    thread.waits = asyncio.Event()
    doing = asyncio.ensure_future(work_in(thread, asyncio.Event().wait))
    await turns()
    thread.wake()
    await turns()
    thread.wake()
    thread.wake()
    thread.waits.set()
    await turns(20)
    assert thread.loads == 2
    doing.cancel()
    with suppress(asyncio.CancelledError):
        await doing


async def test_the_cancellation_of_the_whole_task_is_not_taken_for_a_stop() -> None:
    thread = Thread()
    doing = asyncio.ensure_future(work_in(thread, asyncio.Event().wait))
    await turns()
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing


async def test_a_stop_does_not_hide_a_cancellation_of_the_whole_task_at_the_same_time() -> None:
    stop = Stop()

    async def work() -> None:
        with stop.scope():
            await asyncio.Event().wait()

    doing = asyncio.ensure_future(work())
    await turns()
    stop.set()
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing


async def test_an_error_of_the_work_is_raised_and_a_stop_afterwards_cancels_nothing() -> None:
    thread, stop = Thread(), Stop()
    with pytest.raises(KeyError), StopMonitor(cast(Log, thread), thread.watch, state(), stop), stop.scope():
        raise KeyError
    stop.set()
    thread.wake()
    await turns()
    assert thread.loads == 0
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_work_that_begins_after_the_stop_is_broken_off_too() -> None:
    stop = Stop()
    stop.set()
    with stop.scope():
        await asyncio.Event().wait()
    await turns()


async def test_a_stop_that_is_being_looked_for_when_one_wait_ends_breaks_the_next_one_off() -> None:
    thread, stop, go_on = Thread(), Stop(), asyncio.Event()
    thread.waits = asyncio.Event()

    async def work() -> str:
        with StopMonitor(cast(Log, thread), thread.watch, state(), stop):
            with stop.scope():
                await go_on.wait()
            with stop.scope():
                await asyncio.Event().wait()
            return "broken off"

    doing = asyncio.ensure_future(work())
    await turns()
    thread.stopped_by = "U2"
    thread.wake()
    go_on.set()
    await turns()
    assert not doing.done()
    thread.waits.set()
    assert await asyncio.wait_for(doing, 5) == "broken off"


async def test_a_database_that_cannot_be_read_breaks_off_nothing() -> None:
    thread, go_on = Thread(), asyncio.Event()
    thread.fails = True
    doing = asyncio.ensure_future(work_in(thread, go_on.wait))
    await turns()
    thread.wake()
    await turns()
    go_on.set()
    assert await doing == "done"
    assert thread.loads == 1


async def test_a_timeout_inside_the_work_is_its_own() -> None:
    async def work() -> None:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await work_in(Thread(), work)
