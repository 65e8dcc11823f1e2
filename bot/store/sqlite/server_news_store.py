"""Implements the port to what is remembered of tool servers on SQLite. Each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from bot.core.posts import Draft
from bot.core.server_news import SeenTools
from bot.store.sqlite import server_news
from bot.store.sqlite.database import Database

AT_ONCE = 100
"""Threads that are told per transaction."""


class ServerNewsTables:
    """Implements `bot.core.ports.server_news.ServerNewsStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen_tools(self, server: str) -> SeenTools | None:
        return await self._database.read(partial(server_news.seen, server=server))

    async def see_tools(self, seen: SeenTools, team: str, direct: Sequence[tuple[str, Draft]] = ()) -> Sequence[int]:
        def see_tools(connection: sqlite3.Connection) -> Sequence[int]:
            server_news.see(connection, seen)
            return server_news.tell(connection, team, direct)

        return await self._database.write(see_tools)

    async def server_back(self, server: str, notice: Draft) -> Sequence[int]:
        def server_back(connection: sqlite3.Connection) -> Sequence[int]:
            return server_news.back(connection, server, notice, AT_ONCE)

        # Nearly always nobody waits.
        if not await self._database.read(lambda connection: server_news.is_awaited(connection, server)):
            return ()
        return await self._database.write(server_back)
