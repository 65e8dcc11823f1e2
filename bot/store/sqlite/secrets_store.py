"""Reads random values that were made with the database."""

from __future__ import annotations

import sqlite3

from bot.errors import StoreError
from bot.store.sqlite.database import Database


class SecretsStore:
    """Implements `bot.core.ports.secrets.Secrets` on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret = b""

    async def secret(self) -> bytes:
        if not self._secret:
            self._secret = await self._database.read(_pseudonyms)
        return self._secret


def _pseudonyms(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT value FROM secrets WHERE name = 'pseudonyms'").fetchone()
    if row is None or len(row[0]) < 32:
        raise StoreError("the table `secrets` does not have the key of pseudonyms")
    return bytes(row[0])
