"""New databases for tests: a copy of one that was migrated once, which takes a tenth of migrating each."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store.sqlite.schema import MIGRATIONS


def new(path: Path) -> None:
    """Put a database there as the bot's first start leaves it, unless one is there."""
    if not path.exists():
        path.write_bytes(_migrated())


def prepare() -> None:
    """Migrate the one that is copied: before an event loop is measured."""
    _migrated()


def in_memory() -> sqlite3.Connection:
    """A database of its own that is in no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(_migrated())
    return connection


@functools.cache
def _migrated() -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for number, script in enumerate(MIGRATIONS, start=1):
            connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
        return connection.serialize()
