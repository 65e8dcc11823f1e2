"""One SQLite file, one connection, one process: opens it safely, and runs transactions that share commits.

SQLite makes about 2,000 commits a second in WAL mode with FULL synchronization, and each hop to aiosqlite's thread
costs about 50 µs. So a transaction is one function that runs entirely on that thread, and all transactions that wait at
the same time share one commit, each in its own savepoint.
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

STATEMENTS = 512
"""Statements that are kept compiled: more than there are."""
BATCH = 64
"""The maximum number of transactions that share a commit, so that the first does not wait long for the last."""
QUIET = 4
"""Up to this many transactions in a commit, what their callers need next is read along with it. In a quiet process,
waking the thread and the loop once more costs more than the query; under load the result would be wasted."""


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, with a method that runs a whole function on its thread; this requires a subclass."""

    async def open(self) -> None:
        """Connect. If that fails, the thread has ended too, so that it does not access a closed event loop later."""
        try:
            await self
        except BaseException:
            await asyncio.to_thread(self._thread.join, JOIN_SECONDS)
            raise

    async def on_thread(self, work: Work[T]) -> T:
        return await self._execute(lambda: work(self._conn))

    def hand_over(self, work: Work[T], ended: Callable[[T], None]) -> None:
        """Run a function that raises nothing, and pass its result to the loop. This uses neither a task nor a future,
        each of which would take another iteration of the loop."""
        loop = asyncio.get_running_loop()
        self._tx.put_nowait((None, lambda: loop.call_soon_threadsafe(ended, work(self._conn))))


def path_of(url: str) -> Path:
    """Return the file that a database URL names: `sqlite:///relative.db`, `sqlite:////absolute.db`.

    Raises SettingsError for anything else.
    """
    scheme, separator, rest = url.partition(":///")
    if not separator or scheme != "sqlite" or not rest:
        problem = f"{url!r} is not a database that this version can use. Write sqlite:///path/to/file.db"
        raise SettingsError("DATABASE_URL", problem.replace(_credentials(url), "…") if _credentials(url) else problem)
    return Path(rest)


def _credentials(url: str) -> str:
    """Return the `user:password` of a URL, which must not be shown."""
    return url.partition("://")[2].rpartition("@")[0]


class Database:
    """The open database. Use it as an async context manager."""

    def __init__(self, url: str) -> None:
        self._path = path_of(url)
        self._lock: int | None = None
        self._connection: _Connection | None = None
        self._pending: list[_Write] = []
        self._batch: list[_Write] = []
        """The batch that the thread is running."""
        self._commits = _Commits()
        self._ahead: dict[Hashable, object] = {}
        """Results that were read along with the last commit, until the next one begins."""
        self._timer: asyncio.Handle | None = None
        """Starts the next batch if none is running: in the next iteration of the loop, or after a moment."""

    async def __aenter__(self) -> Self:
        """Lock, open and migrate the file. Raises SettingsError with a sentence for the operator."""
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
            connection = _Connection(
                lambda: sqlite3.connect(path, isolation_level=None, cached_statements=STATEMENTS), 64
            )
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
            await self._connection.on_thread(_nothing)  # runs after the batch and its notifications
        await self._shut()

    async def _shut(self) -> None:
        self._ahead = {}
        connection, self._connection = self._connection, None  # accepts nothing from here on
        if connection is not None:
            await connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def read(self, work: Work[T], key: Hashable = None) -> T:
        """Run a function that only reads. With a `key`, the result that the last commit has read ahead is used."""
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
        """Run a function as one transaction; returns once it is on the disk. Without `synced`, the change survives a
        crash of the process, but a power cut only if a later synced change does: for what can be determined again. With
        `soon`, it waits a moment for another transaction to share a commit with. `ahead` gets the function's result and
        reads, by key, what will probably be requested next.

        An exception of the function rolls back only its own part and is raised here. Raises StoreError if the database
        fails (disk full, file gone, a constraint).
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
        # Cancelling the caller cancels only the future: the transaction is made in any case.
        return await future

    def _begin(self) -> None:
        """Pass the next batch to the thread, unless one is running."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._batch or not self._pending or self._connection is None:
            return
        self._batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
        self._ahead = {}
        self._connection.hand_over(partial(self._commits.run, self._batch), self._ended)

    def _ended(self, outcome: tuple[list[Any], dict[Hashable, object]]) -> None:
        """Pass the results to the callers."""
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
    """Do nothing: a caller that waits for this knows that the thread has completed all earlier work."""


def _prepare(connection: sqlite3.Connection) -> None:
    """Set the modes and migrate, each migration in one transaction."""
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        problem = "the database was written by a newer version of the bot."
        raise SettingsError("DATABASE_URL", f"{problem} Run that version, or restore a copy of the database.")
    if 0 < version < len(MIGRATIONS):
        log.info(
            "migrating the database from schema %d to %d; this takes minutes if it is large", version, len(MIGRATIONS)
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


@dataclass(frozen=True, slots=True)
class _Write:
    """A waiting transaction."""

    work: Work[Any]
    future: asyncio.Future[Any]
    synced: bool
    ahead: Ahead[Any] | None


class _Commits:
    """Runs transactions on the connection's thread."""

    def __init__(self) -> None:
        self._synced: bool | None = None
        """The current synchronization mode of the connection."""

    def run(self, batch: Sequence[_Write], connection: sqlite3.Connection) -> tuple[list[Any], dict[Hashable, object]]:
        """Run each function (in a savepoint if there are several), then commit once. Out: the results, with exceptions
        in the place of results, and what was read ahead. Raises nothing."""
        try:
            self._sync(any(write.synced for write in batch), connection)
            return _committed(batch, connection)
        except BaseException as error:  # noqa: BLE001  # raised by every write of the batch
            return [StoreError(f"{type(error).__name__}: {error}")] * len(batch), {}

    def _sync(self, synced: bool, connection: sqlite3.Connection) -> None:
        # In WAL mode, NORMAL skips the sync of a commit and keeps the order of commits (sqlite.org/pragma.html).
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
    """Read what the callers need next, in the same transaction: separate ones would take additional locks."""
    found: dict[Hashable, object] = {}
    if len(batch) <= QUIET:
        for write, result in zip(batch, results, strict=True):
            if write.ahead is not None and not isinstance(result, BaseException):
                with suppress(Exception):  # the reader will run into the same error and report it
                    found.update(write.ahead(connection, result))
    return found


def now() -> float:
    """Return the Unix time in seconds."""
    return time.time()
