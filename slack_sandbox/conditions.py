"""Waiting for a condition on the sandbox without polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from slack_sandbox.errors import ConditionTimeout

T = TypeVar("T")

COSTLY = 0.0005


class Changes:
    """Wakes waiters after each change of state."""

    def __init__(self, describe: Callable[[], str]) -> None:
        self._waiters: list[asyncio.Future[None]] = []
        self._listeners: list[Callable[[], None]] = []
        self._describe = describe

    def touch(self) -> None:
        """Report a change to the listeners and the waiters."""
        for listener in self._listeners:
            listener()
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change; return the function that ends it. The listener runs inside the change, so
        it must be quick and change nothing itself.
        """
        self._listeners = [*self._listeners, listener]

        def end() -> None:
            self._listeners = [other for other in self._listeners if other is not listener]

        return end

    async def until(self, condition: Callable[[], T], timeout: float, what: str, poll: float | None = None) -> T:
        """Return the first true value of `condition()`, tried now, after each change, and every `poll` seconds.

        Raise ConditionTimeout (an AssertionError and a TimeoutError) with `what` and a description of the sandbox.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            began = loop.time()
            if value := condition():
                return value
            cost = loop.time() - began
            if cost > COSTLY:
                # Under load there are thousands of changes a second: a condition over hundreds of threads, tried
                # after each, would take the time that the app under test needs.
                await asyncio.sleep(min(cost * 10, 0.05))
                if value := condition():
                    return value
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.append(waiter)
            left = max(0.0, deadline - loop.time())
            done, _ = await asyncio.wait([waiter], timeout=left if poll is None else min(left, poll))
            if not done and loop.time() >= deadline:
                if value := condition():
                    return value
                raise ConditionTimeout(f"not reached in {timeout:g} s: {what or 'condition'}\n{self._describe()}")
