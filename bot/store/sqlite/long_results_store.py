"""Implements the port for long results on SQLite."""

from __future__ import annotations

from bot.store.sqlite import log
from bot.store.sqlite.database import Database


class LongResultsStore:
    """Implements `bot.core.ports.long_results.LongResults`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rest(self, thread_id: int, call: int) -> str:
        return await self._database.read(lambda connection: log.rest(connection, thread_id, call))
