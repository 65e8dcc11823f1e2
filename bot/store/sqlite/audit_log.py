"""Reads the audit of a database file: while a bot runs on it, after it was killed, and a copy. Writes nothing."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from bot.core.audit import AuditCheck, AuditRecord
from bot.errors import SettingsError, StoreError
from bot.store.sqlite import audit
from bot.store.sqlite.database import path_of

AUDITED = 2
"""The version of the database that began to keep records."""


class SqliteAuditLog:
    """Implements `bot.core.ports.store.AuditLog`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def records(self, since: float = 0.0, until: float = math.inf, thread_ts: str = "") -> Iterator[AuditRecord]:
        with readable(self._path):
            yield from audit.records(self._connection, since, until=until, thread_ts=thread_ts)

    def verify(self, head: str = "") -> AuditCheck:
        with readable(self._path):
            self._connection.execute("BEGIN")
            try:
                return audit.verify(self._connection, head)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


@contextmanager
def open_audit_log(url: str) -> Generator[SqliteAuditLog]:
    """Open the audit of the file that a URL names, only to read it.

    Raises SettingsError when there is none, or none with records; at the end also when the file was written to in a way
    that may have changed what was read.
    """
    problem = "was written by an older version of the bot, which kept no audit records."
    with opened(url, AUDITED, problem) as (connection, path):
        yield SqliteAuditLog(connection, path)


@contextmanager
def opened(url: str, version: int, problem: str) -> Generator[tuple[sqlite3.Connection, Path]]:
    """Open the file that a URL names, only to read it. Raises SettingsError when there is none, or, with what the
    problem is, one of a version before this one; at the end also when what was read may have changed."""
    path = path_of(url)
    file, before = _there(path)
    # Without its -wal file nobody has the database open, and SQLite would make that file to read it: `immutable` keeps
    # it from that. While the bot runs, or after it was killed, the file is there and must be read.
    still = not Path(f"{file}-wal").exists()
    uri = f"file:{quote(str(file))}?mode=ro{'&immutable=1' if still else ''}"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    with closing(connection):
        connection.text_factory = audit.any_text
        try:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise _unreadable(path, error) from error
        if found < version:
            raise SettingsError("DATABASE_URL", f"{path} {problem}")
        yield connection, path
    if still and _there(path)[1] != before:
        raise SettingsError("DATABASE_URL", f"{path} was written to while it was read. Run the command again")


@contextmanager
def readable(path: Path) -> Generator[None]:
    """Raise StoreError in place of the errors of SQLite."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _unreadable(path: Path, error: sqlite3.Error) -> SettingsError:
    return SettingsError("DATABASE_URL", f"{path} cannot be read: {error}")


def _there(path: Path) -> tuple[Path, tuple[int, ...]]:
    """Return the file, and the facts about it that change when it is written to."""
    try:
        file = path.resolve(strict=True)
        found = file.stat()
    except OSError as error:
        raise SettingsError("DATABASE_URL", f"there is no database {path} to read: {error.strerror}") from error
    return file, (found.st_ino, found.st_size, found.st_mtime_ns)
