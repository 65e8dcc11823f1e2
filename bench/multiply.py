"""Enlarges a database of the bot by copying all rows of some threads, with new ids and keys.

Each copy is a complete, independent thread, as if another person had asked the same. The hashes of the copied audit
records are not valid; the audit head is set to the last record, so that the bot can continue from it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

NUMBERS = {
    "thread_id": "threads",
    "turn_id": "turns",
    "call": "calls",
    "post": "posts",
    "about": "inbox",
    "copy_of": "posts",
}
"""Columns that hold the number of a row of another table."""
KEYS = {("threads", "thread_ts"), ("inbox", "event_id"), ("posts", "key"), ("questions", "id"), ("costs", "request")}
"""Texts of which there is one only; `approval`, and those of `OF_QUESTION`, hold one of the last."""
OF_QUESTION = {("votes", "question"), ("waiting_for", "question"), ("budget_waits", "question")}
FIRST = ("questions",)
"""Copied before what the triggers of these tables would count."""
ALWAYS = 1_000_000_000
"""Copies count as read after any outage, since Slack knows nothing of them."""
ONCE = (
    *("functions", "audit_head", "outages", "presence", "conversations", "amendments", "secrets", "cost_sums"),
    *("seen_servers", "seen_tools", "identities", "oauth_clients", "tool_lists", "sign_ins", "sign_in_waits"),
    "sqlite_sequence",
)
"""Tables whose rows belong to no thread, or of which there is one a person."""


def multiply(path: Path, copies: int, where: str = "1") -> None:
    """Copy each thread that matches the SQL condition `where` (on `threads`) `copies` times."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # A larger page cache than SQLite's default of 2 MB.
        for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-200000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        names = [str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = sorted((name for name in names if name not in ONCE), key=lambda name: name not in FIRST)
        spans = {
            table: int(connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0) + 1
            for table in tables
            if _numbered(connection, table)
        }
        connection.execute("BEGIN")
        chosen = f"SELECT id FROM threads WHERE {where}"
        connection.execute(f"CREATE TEMP TABLE chosen AS {chosen}")
        for table in tables:
            _copy(connection, table, copies, spans)
        connection.execute(
            "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1)"
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def counts(path: Path) -> dict[str, int]:
    """Return the number of rows by table."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in names}


def _numbered(connection: sqlite3.Connection, table: str) -> str:
    """Return the integer primary key column of a table; empty if it has none."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    keys = [row for row in columns if row[5]]
    return str(keys[0][1]) if len(keys) == 1 and str(keys[0][2]) == "INTEGER" else ""


def _copy(connection: sqlite3.Connection, table: str, copies: int, spans: dict[str, int]) -> None:
    """Copy the rows of one table that belong to a chosen thread."""
    columns = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]
    number = _numbered(connection, table)
    values: list[str] = []
    for column in columns:
        of = NUMBERS.get(column) or (table if column == number else "")
        if of in spans:
            values.append(f"o.{column} + n * {spans[of]}")
        elif (table, column) in KEYS or column == "approval" or (table, column) in OF_QUESTION:
            values.append(f"o.{column} || '-' || n")
        elif (table, column) == ("threads", "heard"):
            values.append(str(ALWAYS))
        else:
            values.append(f"o.{column}")
    belongs = {
        "threads": "o.id IN chosen",
        "waiting_for": "o.question IN (SELECT id FROM questions WHERE thread_id IN chosen)",
        "votes": "o.question IN (SELECT id FROM questions WHERE thread_id IN chosen)",
        "budget_waits": "o.turn_id IN (SELECT id FROM turns WHERE thread_id IN chosen)",
        "feedback": "o.turn_id IN (SELECT id FROM turns WHERE thread_id IN chosen)",
        "undos": "o.call IN (SELECT id FROM calls WHERE thread_id IN chosen)",
    }.get(table, "o.thread_id IN chosen")
    connection.execute(
        f"WITH RECURSIVE c (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < {copies})"
        f" INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM c, (SELECT * FROM {table} o WHERE {belongs}) o"
    )
