"""Reads what turns have cost from a database file: while a bot runs on it, after it was killed, and a copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.core.transaction import Usage
from bot.core.usage import By, Remark, UsageRow
from bot.store.sqlite.audit_log import opened, readable

FEEDBACK = 13
"""The version of the database that began to keep feedback, and the model of a turn."""
_NAMES = {
    By.PERSON: "u.requester",
    By.CHANNEL: "t.channel",
    By.MODEL: "u.model",
    By.DAY: "strftime('%Y-%m-%d', u.opened_at, 'unixepoch')",
}


class SqliteUsageLog:
    """Implements `bot.core.ports.store.UsageLog`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def usage(self, by: By, since: float = 0.0) -> Iterator[UsageRow]:
        order = "1" if by is By.DAY else "9 DESC, 2 DESC, 1"
        with readable(self._path):
            rows = self._connection.execute(
                f"SELECT {_NAMES[by]}, count(*), sum(u.outcome = 'answered'), sum(u.outcome = 'failed'),"
                " sum(u.outcome = 'stopped'), sum(u.prompt_tokens), sum(u.completion_tokens), sum(u.cached_tokens),"
                " sum(u.cost), sum((SELECT count(*) FROM feedback WHERE turn_id = u.id AND good)),"
                " sum((SELECT count(*) FROM feedback WHERE turn_id = u.id AND NOT good))"
                " FROM turns u INDEXED BY turns_of_time CROSS JOIN threads t ON t.id = u.thread_id"
                f" WHERE u.opened_at >= ? GROUP BY 1 ORDER BY {order}",
                (since,),
            )
            for name, turns, answered, failed, stopped, *used, good, bad in rows:
                yield UsageRow(
                    str(name), turns, answered or 0, failed or 0, stopped or 0, Usage(*used), good or 0, bad or 0
                )

    def remarks(self, since: float = 0.0) -> Iterator[Remark]:
        with readable(self._path):
            rows = self._connection.execute(
                "SELECT f.at, t.channel, t.thread_ts, f.turn_id, f.user, f.words"
                " FROM feedback f INDEXED BY feedback_words CROSS JOIN turns u ON u.id = f.turn_id"
                " JOIN threads t ON t.id = u.thread_id WHERE f.words <> '' AND f.at >= ? ORDER BY f.at DESC",
                (since,),
            )
            for row in rows:
                yield Remark(*row)


@contextmanager
def open_usage_log(url: str) -> Generator[SqliteUsageLog]:
    """Open what turns have cost in the file that a URL names, only to read it.

    Raises SettingsError when there is none, or one of an older version; at the end also when the file was written to in
    a way that may have changed what was read.
    """
    with opened(url, FEEDBACK, "records no feedback. Start the bot once to bring it up to date") as (connection, path):
        yield SqliteUsageLog(connection, path)
