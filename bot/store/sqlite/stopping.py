"""Stops turns by a stop word, in the menu of their message, in the app's Home or with Slack's own Stop (a card's Stop
button: `transitions.py`). Functions on a connection, inside a transaction."""

from __future__ import annotations

import sqlite3

from bot.core.inbox import WITHDRAWN, Incoming
from bot.core.outages import Hold
from bot.core.sessions import Stopped, StopVerdict
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import audit, former_teams, held_messages, log, parked_threads, transitions

NOTE = "(From the app: a person stopped what you were doing here.)"
"""What the model reads about a turn that was stopped outside of its thread."""
_WAITING = (("inbox_untold", "seq IS NULL AND addressed AND NOT told"), ("inbox_held", "held = 1"))
"""Partial indexes over messages that wait to be read or answered, with their conditions."""
MAX_TURNS = 100
"""Turns that one stop word outside of threads stops."""


def by_word(connection: sqlite3.Connection, incoming: Incoming) -> tuple[int, ...]:
    """Stop the turns that a stop word refers to: the open turn of its thread or, outside of threads, all open turns of
    its author in the conversation.

    Messages that were written earlier and would open such a turn, but are unread, open none. Turns that began after the
    word was written are not affected.

    Returns the ids of the threads, that of the message first; empty if there is nothing to stop.
    """
    user, before = incoming.user, incoming.ts
    outside = incoming.place.thread_ts == before
    threads: dict[int, None] = {}
    for turn, thread_id, first, requester in _open_turns(connection, incoming):
        if _began(connection, thread_id, first, requester) < before:
            _end_turn(connection, turn, thread_id, user, before, requester=requester, note=outside)
            threads[thread_id] = None
    for thread_id in _unread(connection, incoming):
        if thread_id in threads:
            continue
        requester = "" if log.has_open_turn(connection, thread_id) else _asking(connection, thread_id, before)
        if requester and (requester == user or (incoming.may_stop and not outside)):
            _end_unread(connection, thread_id, requester, user, before)
            threads[thread_id] = None
        elif _withdraw(connection, thread_id, user, before):
            threads[thread_id] = None
    return tuple(threads)


def _open_turns(connection: sqlite3.Connection, incoming: Incoming) -> list[tuple[int, int, int, str]]:
    """Return (turn, thread, first position, requester) of the open turns that a stop word refers to, whenever
    they began."""
    place = incoming.place
    here = connection.execute(
        "SELECT t.id, t.thread_id, t.first, t.requester FROM threads h JOIN turns t ON t.thread_id = h.id"
        " WHERE h.team = ? AND h.channel = ? AND h.thread_ts = ? AND t.ended_at IS NULL",
        (place.team, place.channel, place.thread_ts),
    ).fetchall()
    if here or place.thread_ts != incoming.ts:
        return [row for row in here if incoming.may_stop or row[3] == incoming.user]
    # Whichever team they were recorded under: the id of a channel says the same in all.
    return connection.execute(
        "SELECT t.id, t.thread_id, t.first, t.requester FROM turns t INDEXED BY turns_of_requester"
        " JOIN threads h ON h.id = t.thread_id"
        " WHERE t.requester = ? AND t.ended_at IS NULL AND h.channel = ? LIMIT ?",
        (incoming.user, place.channel, MAX_TURNS),
    ).fetchall()


def _unread(connection: sqlite3.Connection, incoming: Incoming) -> list[int]:
    """Return the threads that may have unread messages to which a stop word refers."""
    place = incoming.place
    here = connection.execute(
        "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?",
        (place.team, place.channel, place.thread_ts),
    ).fetchall()
    if place.thread_ts == incoming.ts:
        for index, is_waiting in _WAITING:
            here += connection.execute(
                f"SELECT DISTINCT i.thread_id FROM inbox i INDEXED BY {index} JOIN threads h ON h.id = i.thread_id"
                f" WHERE {is_waiting} AND i.user = ? AND h.channel = ? LIMIT ?",
                (incoming.user, place.channel, MAX_TURNS),
            ).fetchall()
    return [int(row[0]) for row in here]


def by_button(connection: sqlite3.Connection, turn: int, user: str, *, others: bool) -> int:
    """Stop an open turn that a person has asked for, or with `others` anybody. Return its thread's id; 0 if the turn is
    not theirs or has ended."""
    row = connection.execute(
        "SELECT thread_id, requester, first FROM turns"
        " WHERE id = ? AND ended_at IS NULL AND ? <> '' AND (requester = ? OR ?)",
        (turn, user, user, others),
    ).fetchone()
    if row is None:
        return 0
    thread_id, requester, first = row
    stop(connection, turn, int(thread_id), user, note=True)
    if _is_unbegun(connection, thread_id, first):  # what has been recorded by now was asked before
        _withdraw(connection, int(thread_id), str(requester))
    return int(thread_id)


def in_thread(connection: sqlite3.Connection, place: ThreadRef, user: str, at: str, *, may_stop: bool) -> Stopped:
    """Stop what goes on in a thread, as `bot.core.ports.sessions.SessionStore.stop_in` says."""
    row = connection.execute(
        "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?",
        (place.team, place.channel, place.thread_ts),
    ).fetchone()
    thread_id = int(row[0]) if row is not None else former_teams.find(connection, place)
    turn, requester, stops = _going_on(connection, thread_id, at)
    if not requester:
        return Stopped(StopVerdict.NOTHING, thread_id)
    if not may_stop and user != requester:
        return Stopped(StopVerdict.NOT_THEIRS, thread_id, turn, requester)
    if not stops:
        return Stopped(StopVerdict.NOTHING, thread_id, turn, requester)
    if turn:
        _end_turn(connection, turn, thread_id, user, at, requester=requester, note=True)
    else:
        turn = _end_unread(connection, thread_id, requester, user, at)
    return Stopped(StopVerdict.STOPPED, thread_id, turn, requester)


def _going_on(connection: sqlite3.Connection, thread_id: int, at: str) -> tuple[int, str, bool]:
    """Return what went on in a thread at this time: the open turn, or 0; who has asked for it, or empty if nothing went
    on; and whether there is anything left to stop."""
    row = connection.execute(
        "SELECT id, requester, first, stopped_by FROM turns WHERE thread_id = ? AND ended_at IS NULL", (thread_id,)
    ).fetchone()
    if row is None:
        return 0, _asking(connection, thread_id, at), True
    turn, requester, first, stopped_by = row
    began = _began(connection, thread_id, first, requester) < at
    return int(turn), str(requester) if began else "", not stopped_by


def _asking(connection: sqlite3.Connection, thread_id: int, before: str) -> str:
    """Return who has written first what is unread in a thread and would open its next turn; empty if nobody has."""
    first = connection.execute(
        "SELECT user FROM inbox WHERE thread_id = ? AND seq IS NULL AND addressed AND ts < ? ORDER BY ts LIMIT 1",
        (thread_id, before),
    ).fetchone()
    return "" if first is None else str(first[0])


def _end_unread(connection: sqlite3.Connection, thread_id: int, requester: str, user: str, before: str) -> int:
    """Open the next turn of a thread as a stopped one, so that people are informed in the usual way. Return its id."""
    held_messages.settle(connection, thread_id)
    turn = log.open_turn(connection, thread_id, requester, log.next_position(connection, thread_id))
    transitions.pass_over(connection, thread_id)
    _end_turn(connection, turn, thread_id, user, before, requester=requester, note=False)
    return turn


def _end_turn(
    connection: sqlite3.Connection, turn: int, thread_id: int, user: str, before: str, *, requester: str, note: bool
) -> None:
    """Stop a turn, and have what its requester and who stops it had written before, but is unread, open no other."""
    stop(connection, turn, thread_id, user, note=note, at=before)
    for each in {requester, user}:
        _withdraw(connection, thread_id, each, before)


def stop(connection: sqlite3.Connection, turn: int, thread_id: int, user: str, *, note: bool, at: str = "") -> None:
    """Stop an open turn, with its open questions. `note`: add a note for the model, since nothing in the thread says
    so. `at`: when that was, as a timestamp of Slack's."""
    transitions.stop(connection, thread_id, user)
    audit.record(connection, "stopped", thread_id=thread_id, actor=user, facts={})
    parked_threads.release(connection, thread_id)
    if note:
        transitions.note(connection, thread_id, f"stopped-{turn}", NOTE, at)


def _withdraw(connection: sqlite3.Connection, thread_id: int, user: str, before: str = "") -> bool:
    """Withdraw the unread messages of a person or an app, so that they start no turn: those from before this timestamp,
    or all. Return whether there were any.

    The label of an app's message is the app's name, so `held` says that nobody wants it answered.
    """
    withdrawn = connection.execute(
        "UPDATE inbox SET addressed = 0, held = CASE author WHEN '' THEN 0 ELSE ? END,"
        " label = CASE author WHEN '' THEN ? ELSE label END WHERE thread_id = ? AND seq IS NULL"
        " AND (addressed OR held = 1) AND user = ? AND (ts < ? OR ? = '')",
        (Hold.DONE, WITHDRAWN, thread_id, user, before, before),
    )
    return withdrawn.rowcount > 0


def _is_unbegun(connection: sqlite3.Connection, thread_id: int, first: int) -> bool:
    """Return whether the open turn, which is to begin at this position, has nothing in the log yet: its request is
    still being read."""
    return log.next_position(connection, thread_id) <= first


def _began(connection: sqlite3.Connection, thread_id: int, first: int, requester: str) -> str:
    """Return the timestamp of the message that an open turn began with, or is to begin with; empty if it is unknown."""
    if _is_unbegun(connection, thread_id, first):
        row = connection.execute(
            "SELECT min(ts) FROM inbox WHERE thread_id = ? AND seq IS NULL AND addressed AND user = ?",
            (thread_id, requester),
        ).fetchone()
    else:
        row = connection.execute(
            "SELECT min(ts) FROM inbox WHERE thread_id = ? AND seq >= ? AND addressed", (thread_id, first)
        ).fetchone()
    return str(row[0] or "")
