"""`asyncio.timeout` in a task that is being cancelled: Python 3.11.0 to 3.11.2 had it wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot import timeouts

pytestmark = pytest.mark.anyio


async def _old_enter(self: Any) -> Any:
    """As in Python 3.11.2."""
    self._state = self._state.__class__("active")
    self._task = asyncio.current_task()
    self.reschedule(self._when)
    return self


async def _old_leave(self: Any, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
    """As in Python 3.11.2."""
    if self._timeout_handler is not None:
        self._timeout_handler.cancel()
        self._timeout_handler = None
    if self._state.value == "expiring":
        self._state = self._state.__class__("expired")
        if self._task.uncancel() == 0 and exc_type is asyncio.CancelledError:
            raise TimeoutError
    else:
        self._state = self._state.__class__("finished")


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.Timeout, "__aenter__", _old_enter)
    monkeypatch.setattr(asyncio.Timeout, "__aexit__", _old_leave)


async def _cleaned_up(*, cancel_again: bool = False) -> str:
    """What bounds a step of the clean-up of a cancelled task gets, once its time is over."""
    got = "nothing"
    cleaning = asyncio.Event()

    async def work() -> None:
        nonlocal got
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            try:
                async with asyncio.timeout(3600 if cancel_again else 0.001):
                    await asyncio.Event().wait()
            except (TimeoutError, asyncio.CancelledError) as problem:
                got = type(problem).__name__

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await cleaning.wait()
    if cancel_again:
        task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    return got


async def test_what_cleans_up_after_a_cancellation_is_told_that_its_time_is_over() -> None:
    assert await _cleaned_up() == "TimeoutError"


async def test_the_repair_does_that_where_python_does_not(old: None) -> None:
    assert await _cleaned_up() == "CancelledError"
    timeouts.repair()
    assert await _cleaned_up() == "TimeoutError"


async def test_with_the_repair_another_cancellation_is_still_one(old: None) -> None:
    timeouts.repair()
    assert await _cleaned_up(cancel_again=True) == "CancelledError"


async def test_with_the_repair_a_timeout_is_one_where_nothing_is_cancelled(old: None) -> None:
    timeouts.repair()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
