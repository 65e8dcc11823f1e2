"""Stops turns other than by a button of a question: with a word, in the menu of their message, or in the app's Home.
Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3

from bot.core.inbox import WITHDRAWN, Incoming
from bot.store.sqlite import audit, log, parked_threads, transitions

NOTE = "(From the app: a person stopped what you were doing here.)"
"""What the model reads of a turn that was stopped from elsewhere."""
_WAITING = (("inbox_untold", "seq IS NULL AND addressed AND NOT told"), ("inbox_held", "held = 1"))
"""Partial indexes over messages that wait to be read or answered, with their conditions."""
MAX_TURNS = 100
"""Turns that one word at the top of a conversation stops."""


def by_word(connection: sqlite3.Connection, incoming: Incoming) -> tuple[int, ...]:
    """Stop what a stop word means: the open turn of its thread, or, outside of threads, all open turns of its author in
    the conversation. What was written before and would open such a turn, but is not read yet, opens none: its turn
    ends before it has begun. Return the threads, that of the message first; empty if there is nothing to stop.

    A turn that began after the message was written is meant by none.
    """
    threads: dict[int, None] = {}
    for turn, thread_id, first in _open_turns(connection, incoming):
        if _began(connection, thread_id, first) < incoming.ts:
            stop(connection, turn, thread_id, incoming.user, note=incoming.place.thread_ts == incoming.ts)
            _withdraw(connection, thread_id, incoming, incoming.user)
            threads[thread_id] = None
    for thread_id in _unread(connection, incoming):
        if thread_id not in threads and _end_unread(connection, thread_id, incoming):
            threads[thread_id] = None
    return tuple(threads)


def _open_turns(connection: sqlite3.Connection, incoming: Incoming) -> list[tuple[int, int, int]]:
    """Return (turn, thread, first position) of the open turns that a stop word means, whenever they began."""
    place = incoming.place
    here = connection.execute(
        "SELECT t.id, t.thread_id, t.first, t.requester FROM threads h JOIN turns t ON t.thread_id = h.id"
        " WHERE h.team = ? AND h.channel = ? AND h.thread_ts = ? AND t.ended_at IS NULL",
        (place.team, place.channel, place.thread_ts),
    ).fetchall()
    if here or place.thread_ts != incoming.ts:
        return [row[:3] for row in here if incoming.may_stop or row[3] == incoming.user]
    # Whichever team they were recorded under: the id of a channel says the same in all.
    return connection.execute(
        "SELECT t.id, t.thread_id, t.first FROM turns t INDEXED BY turns_of_requester"
        " JOIN threads h ON h.id = t.thread_id"
        " WHERE t.requester = ? AND t.ended_at IS NULL AND h.channel = ? LIMIT ?",
        (incoming.user, place.channel, MAX_TURNS),
    ).fetchall()


def _unread(connection: sqlite3.Connection, incoming: Incoming) -> list[int]:
    """Return the threads in which something may be unread that a stop word means."""
    place = incoming.place
    here = connection.execute(
        "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?",
        (place.team, place.channel, place.thread_ts),
    ).fetchall()
    if place.thread_ts == incoming.ts:
        for index, is_waiting in (
            ("inbox_untold", "seq IS NULL AND addressed AND NOT told"),
            ("inbox_held", "held = 1"),
        ):
            here += connection.execute(
                f"SELECT DISTINCT i.thread_id FROM inbox i INDEXED BY {index} JOIN threads h ON h.id = i.thread_id"
                f" WHERE {is_waiting} AND i.user = ? AND h.channel = ? LIMIT ?",
                (incoming.user, place.channel, MAX_TURNS),
            ).fetchall()
    return [int(row[0]) for row in here]


def _end_unread(connection: sqlite3.Connection, thread_id: int, incoming: Incoming) -> bool:
    """End what is unread in a thread and was written before: what the author of a stop word has asked for, and what
    would open the next turn, if they may stop it. That turn is opened as a stopped one, so that people are told. Return
    whether there was anything."""
    is_open = log.has_open_turn(connection, thread_id)
    first = connection.execute(
        "SELECT user FROM inbox WHERE thread_id = ? AND seq IS NULL AND addressed AND author = '' AND ts < ?"
        " ORDER BY ts LIMIT 1",
        (thread_id, incoming.ts),
    ).fetchone()
    requester = "" if is_open or first is None else str(first[0])
    is_meant = requester == incoming.user or (incoming.may_stop and incoming.place.thread_ts != incoming.ts)
    found = _withdraw(connection, thread_id, incoming, incoming.user)
    if not requester or not is_meant:
        return found
    _withdraw(connection, thread_id, incoming, requester)
    turn = log.open_turn(connection, thread_id, requester, log.next_position(connection, thread_id))
    transitions.pass_over(connection, thread_id)
    stop(connection, turn, thread_id, incoming.user, note=False)
    return True


def by_button(connection: sqlite3.Connection, turn: int, user: str, *, others: bool) -> int:
    """Stop an open turn that this person has asked for, or, with `others`, anybody. Return its thread; 0 if it is none
    of theirs, or has ended."""
    row = connection.execute(
        "SELECT thread_id FROM turns WHERE id = ? AND ended_at IS NULL AND ? <> '' AND (requester = ? OR ?)",
        (turn, user, user, others),
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


def _withdraw(connection: sqlite3.Connection, thread_id: int, incoming: Incoming, user: str) -> bool:
    """Have what a person had written before, and nobody has read yet, start no other turn. Return whether there was
    anything."""
    withdrawn = connection.execute(
        "UPDATE inbox SET addressed = 0, held = 0, label = ? WHERE thread_id = ? AND seq IS NULL"
        " AND (addressed OR held = 1) AND user = ? AND author = '' AND ts < ?",
        (WITHDRAWN, thread_id, user, incoming.ts),
    )
    return withdrawn.rowcount > 0


def _began(connection: sqlite3.Connection, thread_id: int, first: int) -> str:
    """Return the timestamp of the message that a turn began with; empty if it is not known."""
    row = connection.execute(
        "SELECT min(ts) FROM inbox WHERE thread_id = ? AND seq >= ? AND addressed", (thread_id, first)
    ).fetchone()
    return str(row[0] or "")
