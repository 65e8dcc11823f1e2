"""What people think of answers. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3

from bot.store.sqlite.database import now


def rate(connection: sqlite3.Connection, turn: int, channel: str, user: str, *, good: bool) -> bool:
    """Keep a person's opinion of an answered turn in this channel, in place of an earlier one. Return whether there is
    such a turn."""
    written = connection.execute(
        "INSERT INTO feedback (turn_id, user, good, at) SELECT u.id, ?, ?, ? FROM turns u"
        " JOIN threads t ON t.id = u.thread_id WHERE u.id = ? AND u.outcome = 'answered' AND t.channel = ?"
        " ON CONFLICT (turn_id, user) DO UPDATE SET words = CASE WHEN good = excluded.good THEN words ELSE '' END,"
        " good = excluded.good, at = excluded.at",
        (user, good, now(), turn, channel),
    )
    return written.rowcount > 0


def explain(connection: sqlite3.Connection, turn: int, user: str, words: str) -> bool:
    """Keep why a person calls an answer bad. Return whether they do."""
    written = connection.execute(
        "UPDATE feedback SET words = ?, at = ? WHERE turn_id = ? AND user = ? AND NOT good", (words, now(), turn, user)
    )
    return written.rowcount > 0
