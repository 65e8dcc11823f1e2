"""Incoming messages: each is recorded once, however often Slack delivers it. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from bot.core.inbox import CHOSEN_WITH, SETTLED, STOPPED_WITH, Admission, AuthorKind, Incoming
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import early_amendments, former_teams, parked_threads, stopping, thread_models
from bot.store.sqlite.database import now


def admit(connection: sqlite3.Connection, incoming: Incoming) -> tuple[Admission, int]:
    """Record a message, unless it is a duplicate or does not concern the bot. Return what became of it, and the
    thread's id (0 if there is none)."""
    if incoming.unclear:
        return _looked_up(connection, incoming)
    as_it_is = early_amendments.as_amended(connection, incoming)
    if as_it_is is None:
        return Admission.IGNORED, 0
    if as_it_is.stop and not as_it_is.earlier:
        thread_id = thread(connection, as_it_is.place)
        if not _known(connection, thread_id, as_it_is) and stopping.by_word(connection, as_it_is):
            word = replace(as_it_is, stop=False, addressed=False, to_others=True, label=STOPPED_WITH)
            _, thread_id = _record(connection, word, begins=True)
            return Admission.STOPS, thread_id
    if as_it_is.choice is not None:
        thread_id = thread(connection, as_it_is.place)
        known = _known(connection, thread_id, as_it_is)
        if not known and thread_models.is_addressed(connection, thread_id, as_it_is):
            word = replace(as_it_is, addressed=False, to_others=True, late=False, label=CHOSEN_WITH)
            admission, thread_id = _record(connection, word, begins=True)
            if admission is not Admission.CONTEXT:  # the thread is gone
                return admission, thread_id
            thread_models.choose(connection, thread_id, as_it_is, as_it_is.choice)
            return Admission.CHOOSES, thread_id
    return _record(connection, as_it_is)


def thread(connection: sqlite3.Connection, place: ThreadRef) -> int:
    """Return the id of a thread; 0 if it is not recorded."""
    row = connection.execute(
        "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?",
        (place.team, place.channel, place.thread_ts),
    ).fetchone()
    return int(row[0]) if row is not None else former_teams.find(connection, place)


def _known(connection: sqlite3.Connection, thread_id: int, incoming: Incoming) -> bool:
    """Return whether a message was recorded before."""
    row = connection.execute(
        "SELECT 1 FROM inbox WHERE event_id = ? UNION ALL SELECT 1 FROM inbox WHERE thread_id = ? AND ts = ? LIMIT 1",
        (incoming.event_id, thread_id, incoming.ts),
    ).fetchone()
    return row is not None


def _looked_up(connection: sqlite3.Connection, incoming: Incoming) -> tuple[Admission, int]:
    """Return whether a message of our own app is recorded, or is a post of the bot's."""
    thread_id = thread(connection, incoming.place)
    if not thread_id:
        return Admission.IGNORED, 0
    is_known = _is_shown(connection, thread_id, incoming.ts) or _known(connection, thread_id, incoming)
    return Admission.DUPLICATE if is_known else Admission.UNCLEAR, thread_id


def _record(connection: sqlite3.Connection, incoming: Incoming, *, begins: bool = False) -> tuple[Admission, int]:
    """Record a message. `begins`: its thread is recorded too, although it is not addressed."""
    place = incoming.place
    thread_id = thread(connection, place)
    addressed = incoming.addressed
    if not thread_id:
        if not addressed and not begins:
            return Admission.IGNORED, 0
        cursor = connection.execute(
            "INSERT INTO threads (team, channel, thread_ts, kind, created_at, heard)"
            " VALUES (?, ?, ?, ?, ?, CASE WHEN ? THEN 0 ELSE (SELECT coalesce(max(id), 0) FROM outages) END)",
            (place.team, place.channel, place.thread_ts, place.kind, now(), incoming.missed),
        )
        thread_id = cursor.lastrowid or 0
    else:
        is_gone = _is_gone(connection, thread_id, incoming.ts)
        # The log has what we have posted. Streams have no key before they are stopped.
        is_post = bool(incoming.post) and _is_posted(connection, incoming.post)
        is_post = is_post or (incoming.author is AuthorKind.OWN and _is_shown(connection, thread_id, incoming.ts))
        if is_gone or is_post:
            return (Admission.IGNORED, 0) if is_gone else (Admission.DUPLICATE, thread_id)
        if not (addressed or incoming.earlier or incoming.to_others or incoming.author is not AuthorKind.PERSON):
            known = connection.execute(
                "SELECT 1 FROM participants WHERE thread_id = ? AND user = ?", (thread_id, incoming.user)
            ).fetchone()
            addressed = known is not None
    is_person = incoming.author is AuthorKind.PERSON
    is_held = addressed and incoming.late and is_person
    cursor = connection.execute(
        "INSERT OR IGNORE INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at, body, author,"
        " label, held, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            thread_id,
            incoming.event_id,
            incoming.ts,
            incoming.user,
            incoming.text,
            json.dumps(list(incoming.files)),
            addressed and not incoming.late,
            now(),
            incoming.body,
            incoming.author.value,
            incoming.label,
            is_held,
            incoming.version,
        ),
    )
    if cursor.rowcount == 0:
        # One of the two events of a mention may have been recorded as a message to others.
        raised = connection.execute(
            "UPDATE inbox SET addressed = 1 WHERE thread_id = ? AND ts = ? AND NOT addressed AND NOT held"
            " AND seq IS NULL AND ? AND version = ? AND (author <> '' OR label NOT IN (?, ?, ?))",
            (
                thread_id,
                incoming.ts,
                incoming.addressed and not incoming.late,
                incoming.version,
                *SETTLED,
            ),
        )
        if raised.rowcount == 0:
            return Admission.DUPLICATE, thread_id
    if not addressed:
        return Admission.CONTEXT, thread_id
    if is_person:  # an app has to mention the bot each time
        connection.execute(
            "INSERT OR IGNORE INTO participants (thread_id, user) VALUES (?, ?)", (thread_id, incoming.user)
        )
    if incoming.late:
        return Admission.HELD if is_held else Admission.CONTEXT, thread_id
    parked_threads.release(connection, thread_id)
    return Admission.STARTS, thread_id


def _is_gone(connection: sqlite3.Connection, thread_id: int, ts: str) -> bool:
    """Return whether a thread is gone. A message that was written later shows that it is there again."""
    [gone] = connection.execute("SELECT gone FROM threads WHERE id = ?", (thread_id,)).fetchone()
    if not gone:
        return False
    again = connection.execute("UPDATE threads SET gone = '' WHERE id = ? AND gone < ?", (thread_id, ts))
    return again.rowcount == 0


def _is_shown(connection: sqlite3.Connection, thread_id: int, ts: str) -> bool:
    """Return whether a message of a thread is a post of the bot's."""
    row = connection.execute(
        "SELECT 1 FROM posts WHERE ts = ? AND ts <> '' AND thread_id = ? LIMIT 1", (ts, thread_id)
    ).fetchone()
    return row is not None


def _is_posted(connection: sqlite3.Connection, key: str) -> bool:
    """Return whether this is the key of a message that the bot has posted or is to post."""
    first, last = (key[:-1], f"{key[:-1]}\U0010ffff") if key.endswith("*") else (key, key)
    row = connection.execute("SELECT 1 FROM posts WHERE key BETWEEN ? AND ? LIMIT 1", (first, last)).fetchone()
    return row is not None


_TO_ADVANCE = (
    # Somebody wrote to the bot and has not been notified that the message has to wait.
    "SELECT thread_id FROM inbox INDEXED BY inbox_untold WHERE seq IS NULL AND addressed AND NOT told",
    # A turn is open, and nobody is being asked.
    "SELECT thread_id FROM turns INDEXED BY turns_unasked WHERE ended_at IS NULL AND asked = 0",
    # A call is allowed, was interrupted, or people have to be asked about it: it was edited, or has drifted.
    "SELECT thread_id FROM calls INDEXED BY calls_unasked WHERE state <> 'finished' AND NOT asked",
    # A call has finished beside others that wait, and people have not been notified.
    "SELECT thread_id FROM calls INDEXED BY calls_untold WHERE state = 'finished' AND NOT summarised",
)
_PARKED = "SELECT id FROM threads INDEXED BY threads_parked WHERE parked <> ''"
_TO_DELIVER = (
    "SELECT thread_id FROM posts INDEXED BY posts_unsettled"
    " WHERE (state = 'owed' OR state = 'posted' AND (shown <> revision OR NOT final))"
)
"""Each uses a partial index of exactly these rows. The index is named, since with statistics from when it was empty
SQLite would choose another."""


def waiting(connection: sqlite3.Connection) -> list[int]:
    """Return the ids of the threads with something to do now.

    A thread whose turn only waits for a person's decision is included once that is made or has expired; a parked one
    only if Slack has to be updated.
    """
    query = f"{' UNION '.join(_TO_ADVANCE)} EXCEPT {_PARKED} UNION {_TO_DELIVER}"
    return sorted(int(row[0]) for row in connection.execute(query))
