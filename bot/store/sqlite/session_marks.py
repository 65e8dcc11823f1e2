"""Marks of threads whose agent session may show another status than the true one. Functions over a connection, inside a
transaction.

A mark is a row among the posts, of a kind that is never posted: it is written with what ends or suspends the work, and
deleted once Slack shows that. So there are as many rows as there are threads whose status Slack does not show yet.
"""

from __future__ import annotations

import sqlite3

from bot.store.sqlite.database import now

KIND = "session"


def mark(connection: sqlite3.Connection, thread_id: int) -> None:
    """Note that the status of a thread has to be sent to Slack."""
    connection.execute(
        "INSERT OR IGNORE INTO posts (thread_id, key, kind, payload, state, created_at)"
        " VALUES (?, ?, ?, '', 'removed', ?)",
        (thread_id, f"session-{thread_id}", KIND, now()),
    )


def unmark(connection: sqlite3.Connection, thread_id: int) -> None:
    """Note that Slack shows the status of a thread."""
    connection.execute("DELETE FROM posts WHERE key = ?", (f"session-{thread_id}",))


def marked(connection: sqlite3.Connection) -> list[int]:
    """Return the threads that are marked."""
    rows = connection.execute("SELECT thread_id FROM posts WHERE key >= 'session-' AND key < 'session.'")
    return sorted(int(row[0]) for row in rows)


def unmark_all(connection: sqlite3.Connection) -> None:
    """Delete all marks."""
    connection.execute("DELETE FROM posts WHERE key >= 'session-' AND key < 'session.'")
