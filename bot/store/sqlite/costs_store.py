"""Implements the port to the ledger of costs on SQLite. Each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.budget import CutRequest, Sum, SumKey, Waiting
from bot.core.transaction import Usage
from bot.store.sqlite import budget_waits, costs
from bot.store.sqlite.database import Database

AT_ONCE = 100
"""Requests that are marked as cut off per transaction."""


class CostsStore:
    """Implements `bot.core.ports.costs.Costs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_request(self, turn: int, request: str, generation: str) -> None:
        def begin_request(connection: sqlite3.Connection) -> None:
            costs.begin(connection, turn, request, generation)

        await self._database.write(begin_request, synced=False)

    async def cut_off(self) -> int:
        def cut_off(connection: sqlite3.Connection) -> int:
            return costs.cut_off(connection, AT_ONCE)

        many = await self._database.read(costs.any_open)
        count = 0
        while many:
            found = await self._database.write(cut_off)
            count, many = count + found, found >= AT_ONCE
        return count

    async def cut_requests(self, now: float, most: int) -> Sequence[CutRequest]:
        return await self._database.read(lambda connection: costs.cut_requests(connection, now, most))

    async def settle_request(self, id: int, model: str, usage: Usage | None, again_at: float) -> None:
        def settle_request(connection: sqlite3.Connection) -> None:
            costs.settle(connection, id, model, usage, again_at)

        await self._database.write(settle_request)

    async def sums(self, keys: Sequence[SumKey]) -> Sequence[Sum]:
        return await self._database.read(lambda connection: costs.sums(connection, keys))

    async def largest_sums(self, scope: str, month: str, most: int) -> Sequence[tuple[str, Sum]]:
        return await self._database.read(lambda connection: costs.largest(connection, scope, month, most))

    async def waits_for(self, turn: int) -> Waiting:
        return await self._database.read(lambda connection: budget_waits.waits_for(connection, turn))
