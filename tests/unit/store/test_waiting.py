"""What is taken up after a start and by the sweep, in a large file and in one of an earlier version. That every thread
with something to do is found is the contract's (`tests/contract/inbox.py`)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.core.questions.kinds import KINDS
from bot.store.sqlite import inbox
from bot.store.sqlite.database import Database
from bot.store.sqlite.schema import MIGRATIONS
from bot.store.sqlite.store import AT_ONCE, SqliteStore
from tests.filled import REQUESTED, fill
from tests.lives import DAY


@pytest.mark.anyio
async def test_all_requests_are_closed_whose_time_is_over_however_many(tmp_path: Path) -> None:
    many = AT_ONCE + 50
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        await database.write(lambda connection: fill(connection, many * REQUESTED))
        assert await store.waiting() == []
        assert len(await store.unreminded(dict.fromkeys(KINDS, 2 * DAY))) == AT_ONCE
        statement = "UPDATE questions SET expires_at = 1 WHERE decision = 'awaiting'"
        await database.write(lambda connection: connection.execute(statement))
        expired = await store.expire()
        assert len(expired) == many
        assert await store.waiting() == expired
        assert await store.expire() == []


def test_an_older_database_says_after_its_migration_what_is_left_to_do() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS[:2]:
        connection.executescript(script)
    fill(connection, 40)
    for script in MIGRATIONS[2:]:
        connection.executescript(script)
    assert inbox.waiting(connection) == []
    assert connection.execute("SELECT count(*) FROM calls WHERE asked").fetchone() == (4,)
    connection.execute("UPDATE questions SET decision = 'denied' WHERE id = 'open20'")
    assert inbox.waiting(connection) == [20]
    connection.close()
