"""Implements the port for compactions on SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.compaction import CompactionBasis, Decided
from bot.store.sqlite import compactions
from bot.store.sqlite.database import Database


class CompactionsStore:
    """Implements `bot.core.ports.compactions.Compactions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def compaction_basis(self, thread_id: int) -> CompactionBasis:
        return await self._database.read(lambda connection: compactions.basis(connection, thread_id))

    async def decided(self, thread_id: int, after: int, upto: int) -> Sequence[Decided]:
        return await self._database.read(lambda connection: compactions.decided(connection, thread_id, after, upto))
