"""The database: transactions that share a commit, and a file that is not ours to use."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Hashable
from pathlib import Path

import pytest

from bot import failpoints
from bot.errors import SettingsError, StoreError
from bot.store.sqlite.database import Database, path_of
from bot.store.sqlite.schema import MIGRATIONS

pytestmark = pytest.mark.anyio


def insert(connection: sqlite3.Connection, team: str) -> int:
    cursor = connection.execute(
        "INSERT INTO threads (team, channel, thread_ts, kind, created_at) VALUES (?, 'C', '1', 'channel', 0)", (team,)
    )
    return cursor.lastrowid or 0


async def test_transactions_that_wait_together_share_a_commit_and_fail_alone(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        teams = ["a", "b", "a", "c"]
        results = await asyncio.gather(
            *(database.write(lambda connection, team=team: insert(connection, team)) for team in teams),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [int, int, StoreError, int]
        count = await database.read(lambda connection: connection.execute("SELECT count(*) FROM threads").fetchone())
        assert count == (3,)


def teams(connection: sqlite3.Connection) -> list[str]:
    return [str(team) for (team,) in connection.execute("SELECT team FROM threads ORDER BY id")]


def nothing(connection: sqlite3.Connection) -> list[str]:
    raise AssertionError("it was read with the commit")


async def test_what_is_asked_for_after_a_commit_was_read_with_it_and_once(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        for team in ("a", "b"):
            await database.write(
                lambda connection, team=team: insert(connection, team),
                ahead=lambda connection, thread: {("teams", thread): teams(connection)},
            )
        assert await database.read(nothing, ("teams", 2)) == ["a", "b"]
        with pytest.raises(AssertionError):
            await database.read(nothing, ("teams", 2))


async def test_what_was_read_with_a_commit_is_forgotten_when_another_begins(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        await database.write(lambda connection: insert(connection, "a"), ahead=lambda c, _: {"teams": teams(c)})
        writing = asyncio.ensure_future(database.write(lambda connection: insert(connection, "b")))
        await asyncio.sleep(0)  # it is handed to the thread
        await asyncio.sleep(0)
        assert await database.read(teams, "teams") == ["a", "b"]
        await writing


async def test_what_cannot_be_read_with_a_commit_leaves_the_commit_alone(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        assert await database.write(lambda connection: insert(connection, "a"), ahead=lambda c, _: 1 / 0) == 1  # type: ignore[arg-type]
        assert await database.read(teams, "teams") == ["a"]


async def test_nothing_is_read_along_with_the_commit_of_many(tmp_path: Path) -> None:
    read: list[int] = []

    def ahead(_: sqlite3.Connection, thread: int) -> dict[Hashable, object]:
        read.append(thread)
        return {}

    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        await asyncio.gather(*(database.write(lambda c, team=team: insert(c, team), ahead=ahead) for team in "abcde"))
    assert read == []


async def test_a_caller_who_is_cancelled_takes_back_nothing(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        writing = asyncio.ensure_future(database.write(lambda connection: insert(connection, "a")))
        await asyncio.sleep(0)
        writing.cancel()
        assert await asyncio.gather(writing, return_exceptions=True) != [1]
        await database.write(lambda connection: insert(connection, "b"))
        assert await database.read(teams) == ["a", "b"]


async def test_closing_waits_for_transactions_whose_callers_have_gone(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        writing = [asyncio.ensure_future(database.write(lambda c, team=team: insert(c, team))) for team in "ab"]
        await asyncio.sleep(0)
        writing += [asyncio.ensure_future(database.write(lambda c: insert(c, "c"), soon=True))]
        await asyncio.sleep(0)
        for each in writing:
            each.cancel()
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        assert await database.read(teams) == ["a", "b", "c"]


async def test_every_write_while_the_database_closes_is_made_or_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    writing: list[asyncio.Future[int]] = []

    async def keep_writing() -> None:
        while True:
            writing.append(asyncio.ensure_future(database.write(lambda c: insert(c, str(len(writing))))))
            await asyncio.sleep(0)
            if writing[-1].done():  # refused
                return

    async with database:
        for team in "abc":
            await database.write(lambda c, team=team: insert(c, team))
        flood = asyncio.ensure_future(keep_writing())
        asyncio.get_running_loop().call_later(0.05, flood.cancel)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await asyncio.gather(flood, return_exceptions=True)
        ended = await asyncio.gather(*writing, return_exceptions=True)
    assert all(isinstance(each, int | StoreError) for each in ended)


async def test_a_write_by_somebody_whom_the_last_commit_woke_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")

    async def two() -> list[int]:
        return [await database.write(lambda c: insert(c, "a")), await database.write(lambda c: insert(c, "b"))]

    async with database:
        writing = asyncio.ensure_future(two())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await writing == [1, 2]


async def test_what_was_read_with_a_commit_that_fails_is_not_used(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        failpoints.install(_no_commit)
        try:
            with pytest.raises(StoreError):
                await database.write(lambda connection: insert(connection, "a"), ahead=lambda c, _: {"teams": teams(c)})
        finally:
            failpoints.install(lambda _: None)
        assert await database.read(teams, "teams") == []


def _no_commit(name: str) -> None:
    if name.startswith("before commit"):
        raise OSError("the disk is full")


async def test_a_closed_database_refuses(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    async with database:
        pass
    with pytest.raises(StoreError):
        await database.write(lambda connection: insert(connection, "a"))


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db"):
        pass
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(SettingsError, match="newer version"):
        async with Database(f"sqlite:///{tmp_path}/a.db"):
            pass


async def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with Database(url):
        with pytest.raises(SettingsError, match="another process"):
            async with Database(url):
                pass
    async with Database(url):
        pass


async def test_full_synchronisation_and_foreign_keys_are_on(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/a.db") as database:
        for pragma, value in (("synchronous", 2), ("foreign_keys", 1), ("journal_mode", "wal")):
            query = f"PRAGMA {pragma}"
            found = await database.read(lambda connection, query=query: connection.execute(query).fetchone())
            assert found == (value,)


@pytest.mark.parametrize("url", ["postgresql://user:word@host/db", "sqlite:", "sqlite:///", "bot.db", ""])
def test_another_kind_of_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        path_of(url)
    assert "word" not in str(refusal.value)


def test_relative_and_absolute_files_are_told_apart() -> None:
    assert path_of("sqlite:///data/bot.db") == Path("data/bot.db")
    assert path_of("sqlite:////srv/bot.db") == Path("/srv/bot.db")
