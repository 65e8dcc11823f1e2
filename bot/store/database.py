"""One SQLite file, one connection, one process: opening it safely, and transactions that share commits.

SQLite commits about 2,000 times a second in WAL mode with FULL synchronisation, and each hop to aiosqlite's thread
costs about 50 µs. So a transaction is one function that runs whole on that thread, and all transactions that wait at
the same time share one commit, each in a savepoint of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiosqlite

from bot import failpoints
from bot.errors import SettingsError, StoreError
from bot.store.schema import MIGRATIONS

T = TypeVar("T")
JOIN_SECONDS = 2.0
SOON_SECONDS = 0.2
Work = Callable[[sqlite3.Connection], T]

BATCH = 64
"""Transactions that share one commit at most, so that the first does not wait long for the last."""


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, with a way to run a whole function on its thread: a subclass may, others may not."""

    async def open(self) -> None:
        """Connect. When that fails the thread has ended too, so that it finds no closed event loop later."""
        try:
            await self
        except BaseException:
            await asyncio.to_thread(self._thread.join, JOIN_SECONDS)
            raise

    async def on_thread(self, work: Work[T]) -> T:
        return await self._execute(lambda: work(self._conn))


def path_of(url: str) -> Path:
    """The file that a database URL names: `sqlite:///relative.db`, `sqlite:////absolute.db`.

    Raises SettingsError for anything else.
    """
    scheme, separator, rest = url.partition(":///")
    if not separator or scheme != "sqlite" or not rest:
        problem = f"{url!r} is not a database this version can use; write sqlite:///path/to/file.db"
        raise SettingsError("DATABASE_URL", problem.replace(_credentials(url), "…") if _credentials(url) else problem)
    return Path(rest)


def _credentials(url: str) -> str:
    """The `user:password` of a URL, which must not be shown."""
    return url.partition("://")[2].rpartition("@")[0]


class Database:
    """The open file. Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self._path = path_of(url)
        self._lock: int | None = None
        self._connection: _Connection | None = None
        self._pending: list[tuple[Work[Any], asyncio.Future[Any], bool]] = []
        self._committer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Lock, open and migrate the file. Raises SettingsError in words an operator can act on."""
        path = self._path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError("DATABASE_URL", f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            self._lock = None
            problem = f"another process is already using {path}; stop it, or give this one a database of its own"
            raise SettingsError("DATABASE_URL", problem) from error
        try:
            connection = _Connection(lambda: sqlite3.connect(path, isolation_level=None), 64)
            await connection.open()
            self._connection = connection
            await connection.on_thread(_prepare)
        except sqlite3.Error as error:
            await self._shut()
            raise SettingsError("DATABASE_URL", f"{path} cannot be used: {error}") from error
        except SettingsError:
            await self._shut()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._begin()
        while self._committer is not None:
            await asyncio.wait([self._committer])
        await self._shut()

    async def _shut(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def read(self, work: Work[T]) -> T:
        """Run a function that only reads."""
        if self._connection is None:
            raise StoreError("the database is closed")
        try:
            return await self._connection.on_thread(work)
        except sqlite3.Error as error:
            raise StoreError(f"{type(error).__name__}: {error}") from error

    async def write(self, work: Work[T], *, synced: bool = True, soon: bool = False) -> T:
        """Run a function as one transaction; returns when it is on the disk. Without `synced` it outlives the process,
        but not a power cut, unless a later one that is synced does: for what is found out again by looking. With
        `soon` it waits a moment for another transaction to share a commit with.

        The function's own exception rolls back its part alone and is raised here. Raises StoreError when the
        database refuses (disk full, file gone).
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append((work, future, synced))
        if self._committer is None:
            if not soon:
                self._begin()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(SOON_SECONDS, self._begin)
        return await asyncio.shield(future)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._committer is None and self._pending:
            self._committer = asyncio.create_task(self._commit())

    async def _commit(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
                works = [work for work, _, _ in batch]
                synced = any(synced for _, _, synced in batch)
                try:
                    results: list[Any] = await self.read(partial(_run, works, synced))
                except StoreError as error:
                    results = [error] * len(batch)
                except Exception as error:  # noqa: BLE001  # raised by every write of the batch
                    refusal = StoreError(f"{type(error).__name__}: {error}")
                    results = [refusal] * len(batch)
                except BaseException:
                    # Whatever ends this task (the loop itself, say), nobody is to wait for what will not come.
                    for _, future, _ in batch:
                        if not future.done():
                            future.set_exception(StoreError("the write was cut off; it may have been made or not"))
                    raise
                for (_, future, _), result in zip(batch, results, strict=True):
                    if future.done():
                        continue
                    if isinstance(result, sqlite3.OperationalError):
                        future.set_exception(StoreError(f"{type(result).__name__}: {result}"))
                    elif isinstance(result, BaseException):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
        finally:
            self._committer = None


def _prepare(connection: sqlite3.Connection) -> None:
    """Set the modes and migrate, each migration in one transaction."""
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        problem = "the database was written by a newer version of the bot; run that version, or restore a copy"
        raise SettingsError("DATABASE_URL", problem)
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _run(works: list[Work[Any]], synced: bool, connection: sqlite3.Connection) -> list[Any]:
    """Run each function (in a savepoint, if it is not alone), then commit once. An exception stands in the place of a
    result."""
    results: list[Any] = []
    # In WAL mode NORMAL leaves out the sync of a commit, and keeps the order of commits (sqlite.org/pragma.html).
    connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for work in works:
            if len(works) > 1:
                connection.execute("SAVEPOINT one")
            try:
                results.append(work(connection))
            except Exception as error:  # noqa: BLE001  # handed to the caller, who raises it
                if len(works) == 1:
                    connection.execute("ROLLBACK")
                    return [error]
                connection.execute("ROLLBACK TO one")
                results.append(error)
            if len(works) > 1:
                connection.execute("RELEASE one")
        for work in works:
            failpoints.reach(f"before commit: {work.__name__}")
        connection.execute("COMMIT")
        for work in works:
            failpoints.reach(f"after commit: {work.__name__}")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results


def now() -> float:
    """Unix time in seconds."""
    return time.time()
