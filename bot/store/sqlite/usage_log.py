"""Reads what turns have cost from a database file: while a bot runs on it, after it was killed, and a copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.core.transaction import Usage
from bot.core.usage import By, Remark, UsageRow
from bot.store.sqlite.audit_log import opened, readable
from bot.store.sqlite.costs_migration import COSTS
from bot.store.sqlite.schema import MIGRATIONS

VERSION = MIGRATIONS.index(COSTS) + 1
"""The version of the database that began to keep a ledger of costs."""
_OF_TURNS = {
    By.PERSON: "u.requester",
    By.CHANNEL: "t.channel",
    By.MODEL: "u.model",
    By.DAY: "strftime('%Y-%m-%d', u.opened_at, 'unixepoch')",
}
_OF_COSTS = {
    By.PERSON: "c.person",
    By.CHANNEL: "c.channel",
    By.MODEL: "c.model",
    By.DAY: "strftime('%Y-%m-%d', c.at, 'unixepoch')",
}
"""A turn counts where it began, and each of its requests where it was made: on its day, with its model."""


class SqliteUsageLog:
    """Implements `bot.core.ports.store.UsageLog`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def usage(self, by: By, since: float = 0.0) -> Iterator[UsageRow]:
        order = "1" if by is By.DAY else "9 DESC, 2 DESC, 1"
        with readable(self._path):
            rows = self._connection.execute(
                "SELECT name, sum(turns), sum(answered), sum(failed), sum(stopped), sum(prompt), sum(completion),"
                " sum(cached), sum(cost), sum(good), sum(bad), sum(estimated), sum(unknown) FROM ("
                f" SELECT {_OF_TURNS[by]} AS name, 1 AS turns, u.outcome IS 'answered' AS answered,"
                " u.outcome IS 'failed' AS failed, u.outcome IS 'stopped' AS stopped, 0 AS prompt, 0 AS completion,"
                " 0 AS cached, 0 AS cost, (SELECT count(*) FROM feedback WHERE turn_id = u.id AND good) AS good,"
                " (SELECT count(*) FROM feedback WHERE turn_id = u.id AND NOT good) AS bad,"
                " 0 AS estimated, 0 AS unknown"
                " FROM turns u INDEXED BY turns_of_time CROSS JOIN threads t ON t.id = u.thread_id"
                " WHERE u.opened_at >= ?"
                f" UNION ALL SELECT {_OF_COSTS[by]}, 0, 0, 0, 0, c.prompt_tokens, c.completion_tokens, c.cached_tokens,"
                " c.cost, 0, 0, c.basis = 'estimated', c.basis = 'unknown'"
                " FROM costs c INDEXED BY costs_of_time WHERE c.at >= ? AND c.state <> 'open'"
                f") GROUP BY 1 ORDER BY {order}",
                (since, since),
            )
            for name, turns, answered, failed, stopped, *used, good, bad, estimated, unknown in rows:
                yield UsageRow(str(name), turns, answered, failed, stopped, Usage(*used), good, bad, estimated, unknown)

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
    with opened(url, VERSION, "keeps no ledger of costs. Start the bot once to bring it up to date") as (
        connection,
        path,
    ):
        yield SqliteUsageLog(connection, path)
