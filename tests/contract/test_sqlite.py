"""SQLite passes the contract."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest

from bot.core.ports.store import AuditLog, Store
from bot.store.registry import open_audit, open_store
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
        async with open_store(f"sqlite:///{self._path}") as store:
            yield store

    def audit(self) -> AbstractContextManager[AuditLog]:
        return open_audit(f"sqlite:///{self._path}")


@pytest.fixture
def backend(tmp_path: Path) -> SqliteBackend:
    return SqliteBackend(tmp_path / "bot.db")


@pytest.fixture
async def store(backend: SqliteBackend) -> AsyncGenerator[Store]:
    async with backend.open() as store:
        yield store


class TestSqlite(StoreContract):
    """The suite."""
