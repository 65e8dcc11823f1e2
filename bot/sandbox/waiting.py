"""Waiting for a condition on the sandbox without polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bot.sandbox.errors import NotReached

T = TypeVar("T")


class Changes:
    """Wakes waiters after each change of state."""

    def __init__(self, describe: Callable[[], str]) -> None:
        self._waiters: list[asyncio.Future[None]] = []
        self._describe = describe

    def touch(self) -> None:
        """Something changed."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def until(self, condition: Callable[[], T], timeout: float, what: str) -> T:
        """The first true value of `condition()`, tried now and after each change.

        Raises NotReached (an AssertionError and a TimeoutError) with `what` and a description of the sandbox.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not (value := condition()):
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.append(waiter)
            done, _ = await asyncio.wait([waiter], timeout=max(0.0, deadline - loop.time()))
            if not done:
                if value := condition():
                    return value
                raise NotReached(f"not reached in {timeout:g} s: {what or 'condition'}\n{self._describe()}")
        return value
