"""Implements the ports for ledgers and undos on SQLite. Each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.ledger import Ledger
from bot.core.tools import Undone
from bot.core.transaction import UndoJob
from bot.store.sqlite import ledgers, undos
from bot.store.sqlite.database import Database
from bot.store.sqlite.unreadable import OddRows


class LedgersStore:
    """Implements `bot.core.ports.ledgers.Ledgers` and `bot.core.ports.store.Undos`."""

    def __init__(self, database: Database, odd: OddRows) -> None:
        self._database = database
        self._odd = odd

    async def ledger(self, turn: int, most: int, *, whole_thread: bool = False) -> Ledger | None:
        return await self._database.read(
            lambda connection: ledgers.find(connection, turn, most, whole_thread=whole_thread)
        )

    async def offered_undos(self, turn: int) -> Sequence[str]:
        return await self._database.read(lambda connection: ledgers.offered_undos(connection, turn))

    async def undo_threads(self) -> Sequence[int]:
        return await self._database.read(undos.undo_threads)

    async def next_undo(self, thread_id: int) -> UndoJob | None:
        return await self._database.read(lambda connection: undos.next_undo(connection, thread_id, self._odd))

    async def begin_undo(self, call: int) -> None:
        def begin_undo(connection: sqlite3.Connection) -> None:
            undos.begin(connection, call)

        await self._database.write(begin_undo)

    async def end_undo(self, thread_id: int, call: int, undone: Undone, note: str) -> None:
        def end_undo(connection: sqlite3.Connection) -> None:
            undos.end_undo(connection, thread_id, call, undone, note)

        await self._database.write(end_undo)
