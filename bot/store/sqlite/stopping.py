"""Stops turns other than by a button of a question: with a word, or in the app's Home. Functions over a connection,
inside a transaction."""

from __future__ import annotations

import sqlite3

from bot.core.inbox import WITHDRAWN, Incoming
from bot.store.sqlite import audit, parked_threads, transitions

NOTE = "(From the app: a person stopped what you were doing here.)"
"""What the model reads of a turn that was stopped from elsewhere."""
MAX_TURNS = 100
"""Turns that one word at the top of a conversation stops."""


def by_word(connection: sqlite3.Connection, incoming: Incoming) -> tuple[int, ...]:
    """Stop what a stop word means: the open turn of its thread, or, outside of threads, all open turns of its author in
    the conversation. Return the threads, that of the message first; empty if there is no such turn.

    A turn that began after the message was written is meant by none.
    """
    place = incoming.place
    here = connection.execute(
        "SELECT t.id, t.thread_id, t.requester, t.first FROM threads h JOIN turns t ON t.thread_id = h.id"
        " WHERE h.team = ? AND h.channel = ? AND h.thread_ts = ? AND t.ended_at IS NULL",
        (place.team, place.channel, place.thread_ts),
    ).fetchall()
    found = [row for row in here if incoming.may_stop or row[2] == incoming.user]
    if not here and place.thread_ts == incoming.ts:
        found = connection.execute(
            "SELECT t.id, t.thread_id, t.requester, t.first FROM turns t INDEXED BY turns_of_requester"
            " JOIN threads h ON h.id = t.thread_id"
            " WHERE t.requester = ? AND t.ended_at IS NULL AND h.team = ? AND h.channel = ? LIMIT ?",
            (incoming.user, place.team, place.channel, MAX_TURNS),
        ).fetchall()
    threads: list[int] = []
    for turn, thread_id, _, first in found:
        if _began(connection, thread_id, first) < incoming.ts:
            stop(connection, turn, thread_id, incoming.user, note=place.thread_ts == incoming.ts)
            _withdraw(connection, thread_id, incoming)
            threads.append(int(thread_id))
    return tuple(threads)


def by_requester(connection: sqlite3.Connection, turn: int, user: str) -> int:
    """Stop an open turn that this person has asked for. Return its thread; 0 if it is none of theirs, or has ended."""
    row = connection.execute(
        "SELECT thread_id FROM turns WHERE id = ? AND requester = ? AND ended_at IS NULL AND requester <> ''",
        (turn, user),
    ).fetchone()
    if row is None:
        return 0
    stop(connection, turn, int(row[0]), user, note=True)
    return int(row[0])


def stop(connection: sqlite3.Connection, turn: int, thread_id: int, user: str, *, note: bool) -> None:
    """Stop an open turn, with its open questions. `note`: nothing in the thread tells the model about it."""
    transitions.stop(connection, thread_id, user)
    audit.record(connection, "stopped", thread_id=thread_id, actor=user, facts={})
    parked_threads.release(connection, thread_id)
    if note:
        transitions.note(connection, thread_id, f"stopped-{turn}", NOTE)


def _withdraw(connection: sqlite3.Connection, thread_id: int, incoming: Incoming) -> None:
    """Have what the same person had written before, and nobody has read yet, start no other turn."""
    connection.execute(
        "UPDATE inbox SET addressed = 0, label = ? WHERE thread_id = ? AND seq IS NULL AND addressed AND user = ?"
        " AND author = '' AND ts < ?",
        (WITHDRAWN, thread_id, incoming.user, incoming.ts),
    )


def _began(connection: sqlite3.Connection, thread_id: int, first: int) -> str:
    """Return the timestamp of the message that a turn began with; empty if it is not known."""
    row = connection.execute(
        "SELECT min(ts) FROM inbox WHERE thread_id = ? AND seq >= ? AND addressed", (thread_id, first)
    ).fetchone()
    return str(row[0] or "")
