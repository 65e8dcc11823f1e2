"""Sums of costs by model and by channel and month are made from what is recorded, and are read by an index."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.budget import Sum
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore
from tests.unit.store.schemas.make import FOLDER

pytestmark = pytest.mark.anyio

NOVEMBER, DECEMBER = 1_795_000_000.0, 1_797_000_000.0
REQUESTS = (
    # state, channel, model, at, cost, basis
    ("known", "C1", "a/one", NOVEMBER, 0.25, "reported"),
    ("known", "C2", "a/one", NOVEMBER, 0.5, "estimated"),
    ("cut", "C1", "b/two", NOVEMBER, 0.125, "estimated"),
    ("known", "C1", "b/two", DECEMBER, 2.0, "reported"),
    ("open", "C1", "", DECEMBER, 0.0, "unknown"),
)


def before(path: Path) -> None:
    """A database of version 21 with a ledger of costs, the sums of that version, and a sign-in."""
    shutil.copy(FOLDER / "21.db", path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number, request in enumerate(REQUESTS):
            connection.execute(
                "INSERT INTO costs (request, turn_id, thread_id, person, state, channel, model, at, cost, basis)"
                " VALUES (?, 1, 1, 'UALICE', ?, ?, ?, ?, ?, ?)",
                (f"r{number}", *request),
            )
        connection.execute(
            "INSERT INTO cost_sums (scope, key, period, cost, estimated) SELECT 'channel', channel,"
            " strftime('%Y-%m-%d', at, 'unixepoch'), sum(cost), sum(basis <> 'reported') FROM costs"
            " WHERE state <> 'open' GROUP BY 2, 3"
        )
        connection.execute(
            "INSERT INTO identities (id, person, server, issuer, sealed, version, since)"
            " VALUES (7, 'UALICE', 'notes', 'issuer', x'01', 3, 5.0)"
        )


async def test_what_was_recorded_before_is_in_the_sums_and_goes_on_being_counted(tmp_path: Path) -> None:
    before(tmp_path / "bot.db")
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        assert list(await store.largest_sums("model", "2026-11", 9)) == [
            ("a/one", Sum(0.75, 1)),
            ("b/two", Sum(0.125, 1)),
        ]
        assert list(await store.largest_sums("channel", "2026-11", 9)) == [("C2", Sum(0.5, 1)), ("C1", Sum(0.375, 1))]
        assert list(await store.largest_sums("channel", "2026-12", 9)) == [("C1", Sum(2.0, 0))]
        await store.cut_off()
        assert list(await store.largest_sums("model", "2026-12", 9)) == [("b/two", Sum(4.0, 1))]


async def test_a_sign_in_of_before_is_kept_and_its_id_is_not_used_again(tmp_path: Path) -> None:
    before(tmp_path / "bot.db")
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        kept = await SqliteStore(database).signed_in("UALICE", "notes")
        assert kept is not None
        assert (kept.id, kept.issuer, kept.sealed, kept.version, kept.since) == (7, "issuer", b"\x01", 3, 5.0)
    with closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
        connection.execute("DELETE FROM identities")
        added = connection.execute(
            "INSERT INTO identities (person, server, issuer, sealed, since) VALUES ('UALICE', 'notes', '', x'', 0)"
        )
        assert added.lastrowid == 8


async def test_the_largest_of_very_many_sums_cost_as_much_as_of_few(tmp_path: Path) -> None:
    month = time.strftime("%Y-%m", time.gmtime())
    steps: list[int] = []
    for people in (10, 10_000):
        async with Database(f"sqlite:///{tmp_path}/{people}.db") as database:
            store = SqliteStore(database)
            numbers = f"WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {people})"
            sql = f"{numbers} INSERT INTO cost_sums (scope, key, period, cost) SELECT 'person', n, '{month}', n FROM n"
            await database.write(lambda connection, sql=sql: connection.execute(sql))
            taken: list[int] = []
            await database.read(
                lambda connection, taken=taken: connection.set_progress_handler(lambda: taken.append(1), 1)
            )
            assert [each.cost for _, each in await store.largest_sums("person", month, 3)] == [
                people,
                people - 1,
                people - 2,
            ]
            steps.append(len(taken))
    assert steps[1] <= steps[0] + 5
