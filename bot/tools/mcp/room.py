"""Room for so many calls of one server at the same time; more wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class FullError(Exception):
    """There was no room for too long."""


class Room:
    """A number of places, each for one call."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    async def enter_at_once(self) -> bool:
        """Take a place, if one is free. It is given back by `leave`."""
        if self._places.locked():
            return False
        await self._places.acquire()
        return True

    async def enter(self) -> None:
        """Take a place, as soon as one is free."""
        await self._places.acquire()

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    @asynccontextmanager
    async def place(self, seconds: float) -> AsyncGenerator[None]:
        """A place for as long as it is needed. Raises FullError when none becomes free within so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.enter()
        except TimeoutError:
            raise FullError from None
        try:
            yield
        finally:
            self.leave()
