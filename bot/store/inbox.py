"""Deliveries: committed once, whatever Slack sends how often. Functions over a connection, inside a transaction."""

from __future__ import annotations

import json
import sqlite3

from bot.core.thread import Admission, Incoming
from bot.store.database import now


def admit(connection: sqlite3.Connection, incoming: Incoming) -> tuple[Admission, int]:
    """Take a message down, unless it was before or has nothing to do with the bot.

    Out: what became of it, and the thread's id (0 when there is none).
    """
    place = incoming.place
    row = connection.execute(
        "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?",
        (place.team, place.channel, place.thread_ts),
    ).fetchone()
    addressed = incoming.addressed
    if row is None:
        if not addressed:
            return Admission.IGNORED, 0
        cursor = connection.execute(
            "INSERT INTO threads (team, channel, thread_ts, kind, created_at) VALUES (?, ?, ?, ?, ?)",
            (place.team, place.channel, place.thread_ts, place.kind, now()),
        )
        thread_id = cursor.lastrowid or 0
    else:
        thread_id = int(row[0])
        if not addressed and not incoming.earlier:
            known = connection.execute(
                "SELECT 1 FROM participants WHERE thread_id = ? AND user = ?", (thread_id, incoming.user)
            ).fetchone()
            addressed = known is not None
    cursor = connection.execute(
        "INSERT OR IGNORE INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            thread_id,
            incoming.event_id,
            incoming.ts,
            incoming.user,
            incoming.text,
            json.dumps(list(incoming.files)),
            addressed,
            now(),
        ),
    )
    if cursor.rowcount == 0:
        # One of a mention's two events may have been taken for something said to others.
        raised = connection.execute(
            "UPDATE inbox SET addressed = 1 WHERE thread_id = ? AND ts = ? AND NOT addressed AND seq IS NULL AND ?",
            (thread_id, incoming.ts, incoming.addressed),
        )
        if raised.rowcount == 0:
            return Admission.DUPLICATE, thread_id
    if not addressed:
        return Admission.OVERHEARD, thread_id
    connection.execute("INSERT OR IGNORE INTO participants (thread_id, user) VALUES (?, ?)", (thread_id, incoming.user))
    return Admission.STARTS, thread_id


def waiting(connection: sqlite3.Connection, for_people: bool) -> list[int]:
    """The threads with something left to do: unread messages for the bot, an open turn, a post or a card's redrawing
    that is owed, a progress message that nobody will take away. Without `for_people`, only those where no decision of
    a person is awaited."""
    turns = connection.execute(
        "SELECT thread_id FROM inbox WHERE seq IS NULL AND addressed"
        " UNION SELECT thread_id FROM turns WHERE ended_at IS NULL"
    )
    posts = connection.execute(
        "SELECT thread_id FROM posts WHERE state = 'owed'"
        " UNION SELECT thread_id FROM posts WHERE kind = 'progress' AND state IN ('owed', 'posted')"
        " UNION SELECT thread_id FROM posts WHERE shown <> revision AND state = 'posted'"
    )
    busy = {int(row[0]) for row in turns}
    if not for_people:
        asked = connection.execute("SELECT thread_id FROM approvals WHERE decision = 'awaiting'")
        ready = connection.execute("SELECT thread_id FROM calls WHERE state = 'ready'")
        # A call that waits without a request was changed, or has drifted, and is to be asked about.
        changed = connection.execute(
            "SELECT thread_id FROM calls WHERE state = 'awaiting'"
            " AND id NOT IN (SELECT call FROM approvals WHERE decision = 'awaiting')"
        )
        busy -= {int(row[0]) for row in asked} - {int(row[0]) for row in (*ready, *changed)}
    return sorted(busy | {int(row[0]) for row in posts})
