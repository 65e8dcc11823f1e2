"""Deliveries: committed once, whatever Slack sends how often. Functions over a connection, inside a transaction."""

from __future__ import annotations

import json
import sqlite3

from bot.core.inbox import Admission, Incoming
from bot.store.sqlite import parked_threads
from bot.store.sqlite.database import now


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
        return Admission.CONTEXT, thread_id
    connection.execute("INSERT OR IGNORE INTO participants (thread_id, user) VALUES (?, ?)", (thread_id, incoming.user))
    parked_threads.release(connection, thread_id)
    return Admission.STARTS, thread_id


_TO_ADVANCE = (
    # Somebody has said something, and was not told that it has to wait.
    "SELECT thread_id FROM inbox INDEXED BY inbox_untold WHERE seq IS NULL AND addressed AND NOT told",
    # A turn is open, and nobody is asked anything.
    "SELECT thread_id FROM turns INDEXED BY turns_unasked WHERE ended_at IS NULL AND asked = 0",
    # A call is allowed, was cut off, or is to be asked about: it was changed, or has drifted.
    "SELECT thread_id FROM calls INDEXED BY calls_unasked WHERE state <> 'finished' AND NOT asked",
    # A call has ended beside others that wait, and nobody was told.
    "SELECT thread_id FROM calls INDEXED BY calls_untold WHERE state = 'finished' AND NOT summarised",
)
_PARKED = "SELECT id FROM threads INDEXED BY threads_parked WHERE parked <> ''"
_TO_DELIVER = (
    "SELECT thread_id FROM posts INDEXED BY posts_unsettled"
    " WHERE (state = 'owed' OR state = 'posted' AND (shown <> revision OR NOT final))"
)
"""Each is answered by an index that holds these rows and no others. It is named, since with the statistics of a time at
which it was empty SQLite would take another."""


def waiting(connection: sqlite3.Connection) -> list[int]:
    """The threads with something left to do now. One whose turn only waits for the decision of a person is not among
    them, until that is there or its time is over; and a parked one only when Slack is owed something."""
    query = f"{' UNION '.join(_TO_ADVANCE)} EXCEPT {_PARKED} UNION {_TO_DELIVER}"
    return sorted(int(row[0]) for row in connection.execute(query))
