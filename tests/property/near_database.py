"""The store's database without its thread: what runs there runs in the event loop, as soon as everything else has.

To wake a thread and to be woken by it takes longer than most transactions. Those that wait at the same time share a
commit here too, and others run between an order and its execution.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from bot.store.sqlite import database
from tests import migrated

T = TypeVar("T")


class _Connection:
    """In the place of the one with a thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def on_thread(self, work: database.Work[T]) -> T:
        await asyncio.sleep(0)
        return work(self._connection)

    def hand_over(self, work: database.Work[T], ended: Callable[[T], None]) -> None:
        asyncio.get_running_loop().call_soon(lambda: ended(work(self._connection)))

    async def close(self) -> None:
        self._connection.close()


class NearDatabase(database.Database):
    """A file that is opened by one process only, and not locked."""

    async def __aenter__(self) -> Self:
        migrated.new(self._path)
        connection = sqlite3.connect(self._path, isolation_level=None)
        cast(Any, database)._prepare(connection)
        self._connection = cast(Any, _Connection(connection))
        return self
