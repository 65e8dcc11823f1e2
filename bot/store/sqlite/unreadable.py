"""Rows that cannot be read (written by another version, or damaged): each is reported once, and stops no other row."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
MAX_REPORTED = 1_000
"""Rows of which is remembered that they were reported."""


class OddRows:
    """What one process has found."""

    def __init__(self) -> None:
        self._reported: dict[str, str] = {}

    @property
    def known(self) -> int:
        """How many rows were odd so far: so many more are looked at, so that they keep no other row from its turn."""
        return len(self._reported)

    def around(self, connection: sqlite3.Connection, row: str, work: Callable[[], T]) -> T | None:
        """Do something with one row, whole or not at all; None when the row is odd. What the database itself refuses
        is raised."""
        writing = connection.in_transaction
        if writing:
            connection.execute("SAVEPOINT row")
        done: T | None = None
        try:
            done = work()
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001  # whatever is in it, the other rows go on
            if writing:
                connection.execute("ROLLBACK TO row")
            self._report(row, f"{type(error).__name__}: {error}")
        if writing:
            connection.execute("RELEASE row")
        return done

    def _report(self, row: str, words: str) -> None:
        if self._reported.get(row) == words:
            return
        if len(self._reported) >= MAX_REPORTED:
            del self._reported[next(iter(self._reported))]
        self._reported[row] = words
        log.error("%s cannot be read, so it is left as it is: %s", row, words)
