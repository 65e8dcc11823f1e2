"""Slack messages we owe: recorded with what they say about, posted once. Functions inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bot.core.deliveries import Owed
from bot.core.posts import Draft
from bot.store.sqlite.database import now


def owe(connection: sqlite3.Connection, thread_id: int, drafts: Iterable[Draft]) -> list[int]:
    """Record drafts in the order in which they are to appear; returns their numbers. A key that is already there
    keeps its row and gets the number 0."""
    ids: list[int] = []
    for draft in drafts:
        cursor = connection.execute(
            "INSERT OR IGNORE INTO posts (thread_id, key, kind, payload, state, created_at)"
            " VALUES (?, ?, ?, ?, 'owed', ?)",
            (thread_id, draft.key, draft.kind, draft.payload, now()),
        )
        ids.append((cursor.lastrowid or 0) if cursor.rowcount else 0)
    return ids


def owed(connection: sqlite3.Connection, thread_id: int) -> list[Owed]:
    """What is not posted yet, in order."""
    rows = connection.execute(
        "SELECT id, key, kind, payload, created_at FROM posts WHERE thread_id = ? AND state = 'owed' ORDER BY id",
        (thread_id,),
    )
    return [Owed(id=row[0], draft=Draft(key=row[1], kind=row[2], payload=row[3]), created_at=row[4]) for row in rows]


def last(connection: sqlite3.Connection) -> int:
    """The number of the newest post."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM posts").fetchone()[0])


def posted(connection: sqlite3.Connection, post: int, ts: str) -> None:
    """It is in Slack, with this timestamp."""
    connection.execute("UPDATE posts SET state = 'posted', ts = ? WHERE id = ? AND state = 'owed'", (ts, post))


def close(connection: sqlite3.Connection, post: int, state: str) -> None:
    """`refused` by Slack for good, or `removed` again."""
    connection.execute("UPDATE posts SET state = ? WHERE id = ?", (state, post))


def progress(connection: sqlite3.Connection, thread_id: int) -> list[tuple[int, str]]:
    """The progress messages that stand in the thread: (number, timestamp)."""
    rows = connection.execute(
        "SELECT id, ts FROM posts WHERE thread_id = ? AND kind = 'progress' AND state = 'posted' ORDER BY id",
        (thread_id,),
    )
    return [(int(row[0]), str(row[1])) for row in rows]
