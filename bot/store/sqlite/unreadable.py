"""Handles rows that cannot be read (damaged, or written by another version): each is logged once and skipped."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
MAX_REPORTED = 1_000
"""Reported rows that are remembered."""


class OddRows:
    """The unreadable rows that one process has found."""

    def __init__(self) -> None:
        self._reported: dict[str, str] = {}

    @property
    def known(self) -> int:
        """Return the number of unreadable rows so far: queries read that many more, so that these rows do not displace
        others."""
        return len(self._reported)

    def around(self, connection: sqlite3.Connection, row: str, work: Callable[[], T]) -> T | None:
        """Run a function on one row in a savepoint; None if the row is unreadable. Errors of the database itself are
        raised."""
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
        log.error("%s cannot be read, so it is skipped: %s", row, words)
