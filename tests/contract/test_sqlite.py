"""SQLite passes the contract."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.core.ports.store import Store
from bot.store.sqlite import audit
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore
from tests import migrated
from tests.contract.suite import StoreContract

pytestmark = pytest.mark.anyio


class SqliteBackend:
    """A file."""

    def __init__(self, path: Path) -> None:
        migrated.new(path)
        self._path = path

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Store]:
        async with Database(f"sqlite:///{self._path}") as self._database:
            yield SqliteStore(self._database)

    async def audited(self) -> Sequence[tuple[str, str]]:
        return await self._database.read(
            lambda connection: [(each.kind, each.actor) for each in audit.records(connection)]
        )


@pytest.fixture
def backend(tmp_path: Path) -> SqliteBackend:
    return SqliteBackend(tmp_path / "bot.db")


@pytest.fixture
async def store(backend: SqliteBackend) -> AsyncGenerator[Store]:
    async with backend.open() as store:
        yield store


class TestSqlite(StoreContract):
    """The suite."""
