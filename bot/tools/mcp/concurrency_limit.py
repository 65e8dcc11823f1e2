"""Limits how many calls of one server run at the same time; more of them wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class FullError(Exception):
    """There was no free place in time."""


class ConcurrencyLimit:
    """A number of places, one per call."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    async def enter_at_once(self) -> bool:
        """Take a place if one is free, and return whether it was. `leave` frees it."""
        if self._places.locked():
            return False
        await self._places.acquire()
        return True

    async def enter(self) -> None:
        """Wait for a free place, and take it."""
        await self._places.acquire()

    def leave(self) -> None:
        """Free a place."""
        self._places.release()

    @asynccontextmanager
    async def place(self, seconds: float) -> AsyncGenerator[None]:
        """Hold a place in a `with` block. Raises FullError if none becomes free within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self.enter()
        except TimeoutError:
            raise FullError from None
        try:
            yield
        finally:
            self.leave()
