"""One SQLite file, one connection, one process: opening it safely, and transactions that share commits.

SQLite commits about 2,000 times a second in WAL mode with FULL synchronisation, and each hop to aiosqlite's thread
costs about 50 µs. So a transaction is one function that runs whole on that thread, and all transactions that wait at
the same time share one commit, each in a savepoint of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import aiosqlite

from bot import failpoints
from bot.errors import SettingsError, StoreError
from bot.store.sqlite.schema import MIGRATIONS

log = logging.getLogger(__name__)

T = TypeVar("T")
JOIN_SECONDS = 2.0
SOON_SECONDS = 1.0
Work = Callable[[sqlite3.Connection], T]
Ahead = Callable[[sqlite3.Connection, T], Mapping[Hashable, object]]

BATCH = 64
"""Transactions that share one commit at most, so that the first does not wait long for the last."""
QUIET = 2
"""With so many transactions or fewer in a commit, what their callers ask for next is read right away. Each visit to the
thread wakes it and the loop, which costs a quiet process more than the query; under load nobody would still want it."""


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

    def hand_over(self, work: Work[T], ended: Callable[[T], None]) -> None:
        """Run a function that raises nothing, and give the loop what it returns: without a task and without a future,
        each of which would be one more pass of the loop until the caller goes on."""
        loop = asyncio.get_running_loop()
        self._tx.put_nowait((None, lambda: loop.call_soon_threadsafe(ended, work(self._conn))))


def path_of(url: str) -> Path:
    """The file that a database URL names: `sqlite:///relative.db`, `sqlite:////absolute.db`.

    Raises SettingsError for anything else.
    """
    scheme, separator, rest = url.partition(":///")
    if not separator or scheme != "sqlite" or not rest:
        problem = f"{url!r} is not a database that this version can use. Write sqlite:///path/to/file.db"
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
        self._pending: list[_Write] = []
        self._batch: list[_Write] = []
        """What the thread is at."""
        self._commits = _Commits()
        self._ahead: dict[Hashable, object] = {}
        """What was read along with the last commit, until the next one begins."""
        self._timer: asyncio.Handle | None = None
        """Begins the next batch, when none is under way: in the next pass of the loop, or after a moment."""

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
            problem = f"another process is already using {path}. Stop it, or give this one a database of its own."
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
        while (self._batch or self._pending) and self._connection is not None:
            self._begin()
            await self._connection.on_thread(_nothing)  # it comes after the batch, and so does what the loop is told
        await self._shut()

    async def _shut(self) -> None:
        self._ahead = {}
        connection, self._connection = self._connection, None  # nothing is taken that would come after its end
        if connection is not None:
            await connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def read(self, work: Work[T], key: Hashable = None) -> T:
        """Run a function that only reads. With a `key`, what the last commit has read ahead under it will do."""
        if key in self._ahead:
            return cast(T, self._ahead.pop(key))
        if self._connection is None:
            raise StoreError("the database is closed")
        try:
            return await self._connection.on_thread(work)
        except sqlite3.Error as error:
            raise StoreError(f"{type(error).__name__}: {error}") from error

    async def write(
        self, work: Work[T], *, synced: bool = True, soon: bool = False, ahead: Ahead[T] | None = None
    ) -> T:
        """Run a function as one transaction; returns when it is on the disk. Without `synced` it outlives the process,
        but not a power cut, unless a later one that is synced does: for what is found out again by looking. With
        `soon` it waits a moment for another transaction to share a commit with. `ahead` reads, by key, what is probably
        asked for next; it gets the function's result.

        The function's own exception rolls back its part alone and is raised here. Raises StoreError when the
        database refuses (disk full, file gone, a constraint).
        """
        if self._connection is None:
            raise StoreError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._pending.append(_Write(work, future, synced, ahead))
        if not self._batch:
            if not soon and isinstance(self._timer, asyncio.TimerHandle):
                self._timer.cancel()
                self._timer = None
            if self._timer is None:
                self._timer = loop.call_later(SOON_SECONDS, self._begin) if soon else loop.call_soon(self._begin)
        # A caller who is cancelled takes back only the future: the transaction is made all the same.
        return await future

    def _begin(self) -> None:
        """Give the thread the next batch, if it has none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._batch or not self._pending or self._connection is None:
            return
        self._batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
        self._ahead = {}
        self._connection.hand_over(partial(self._commits.run, self._batch), self._ended)

    def _ended(self, outcome: tuple[list[Any], dict[Hashable, object]]) -> None:
        """Tell those who wait how their transactions have ended."""
        batch, self._batch = self._batch, []
        results, self._ahead = outcome
        for write, result in zip(batch, results, strict=True):
            future = write.future
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._begin()


def _nothing(connection: sqlite3.Connection) -> None:
    """Does nothing; who waits for it knows that the thread has done all that came before."""


def _prepare(connection: sqlite3.Connection) -> None:
    """Set the modes and migrate, each migration in one transaction."""
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        problem = "the database was written by a newer version of the bot."
        raise SettingsError("DATABASE_URL", f"{problem} Run that version, or restore a copy of the database.")
    if 0 < version < len(MIGRATIONS):
        log.info("bringing the database from schema %d to %d; a large one takes minutes", version, len(MIGRATIONS))
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


@dataclass(frozen=True, slots=True)
class _Write:
    """A transaction that waits for its turn."""

    work: Work[Any]
    future: asyncio.Future[Any]
    synced: bool
    ahead: Ahead[Any] | None


class _Commits:
    """Makes transactions, on the connection's thread."""

    def __init__(self) -> None:
        self._synced: bool | None = None
        """How the connection commits now."""

    def run(self, batch: Sequence[_Write], connection: sqlite3.Connection) -> tuple[list[Any], dict[Hashable, object]]:
        """Run each function (in a savepoint, if it is not alone), then commit once. Out: their results, with an
        exception in the place of one that was raised, and what was read ahead. Raises nothing."""
        try:
            self._sync(any(write.synced for write in batch), connection)
            return _committed(batch, connection)
        except BaseException as error:  # noqa: BLE001  # raised by every write of the batch
            return [StoreError(f"{type(error).__name__}: {error}")] * len(batch), {}

    def _sync(self, synced: bool, connection: sqlite3.Connection) -> None:
        # In WAL mode NORMAL leaves out the sync of a commit, and keeps the order of commits (sqlite.org/pragma.html).
        if synced is not self._synced:
            connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            self._synced = synced


def _committed(batch: Sequence[_Write], connection: sqlite3.Connection) -> tuple[list[Any], dict[Hashable, object]]:
    results: list[Any] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for write in batch:
            if len(batch) > 1:
                connection.execute("SAVEPOINT one")
            try:
                results.append(write.work(connection))
            except Exception as error:  # noqa: BLE001  # handed to the caller, who raises it
                if isinstance(error, sqlite3.Error):
                    error = StoreError(f"{type(error).__name__}: {error}")
                if len(batch) == 1:
                    connection.execute("ROLLBACK")
                    return [error], {}
                connection.execute("ROLLBACK TO one")
                results.append(error)
            if len(batch) > 1:
                connection.execute("RELEASE one")
        found = _read_ahead(batch, results, connection)
        for write in batch:
            failpoints.reach(f"before commit: {write.work.__name__}")
        connection.execute("COMMIT")
        for write in batch:
            failpoints.reach(f"after commit: {write.work.__name__}")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return results, found


def _read_ahead(
    batch: Sequence[_Write], results: Sequence[Any], connection: sqlite3.Connection
) -> dict[Hashable, object]:
    """What the callers ask for next, read in the same transaction: each one more would take locks of its own."""
    found: dict[Hashable, object] = {}
    if len(batch) <= QUIET:
        for write, result in zip(batch, results, strict=True):
            if write.ahead is not None and not isinstance(result, BaseException):
                with suppress(Exception):  # who needs it reads it, and is told what is wrong
                    found.update(write.ahead(connection, result))
    return found


def now() -> float:
    """Unix time in seconds."""
    return time.time()
