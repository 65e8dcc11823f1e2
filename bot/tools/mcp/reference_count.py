"""Counts what uses a server, so that one that is no longer configured ends after that."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class ReferenceCount:
    """The uses of one server."""

    def __init__(self) -> None:
        self._count = 0
        self._ended = asyncio.Event()

    @contextmanager
    def one(self) -> Generator[None]:
        """Count as a use in a `with` block."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            self._ended.set()

    async def ended(self) -> None:
        """Wait until there is no use."""
        while self._count:
            self._ended.clear()
            await self._ended.wait()
