"""Records outages, and what was read since. Functions on a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from bot.core.outages import ActiveThread, Conversation, Gap, KnownThread, RecordedMessage
from bot.core.questions.missed import MISSED
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite.database import now

KEPT = 5_000
"""Outages that are kept. Slack asks for a new connection every few hours."""
AT_ONCE = 100
"""Messages, or threads, per batch."""
NEWEST = 500
"""Messages of a thread that are returned if no lower timestamp is given."""
BETWEEN = 5_000
"""Messages of a thread that are returned between two timestamps."""
NONE_HIGHER = "A"
"""Higher than every timestamp."""
_LAST = "(SELECT coalesce(max(id), 0) FROM outages)"


def heard(connection: sqlite3.Connection, at: float) -> None:
    """Record that a connection was open at this time."""
    connection.execute(
        "INSERT INTO presence (one, heard) VALUES (1, ?)"
        " ON CONFLICT (one) DO UPDATE SET heard = excluded.heard WHERE heard < excluded.heard",
        (at,),
    )


def begin(connection: sqlite3.Connection, since: float) -> int:
    """Record an outage that began at a time, or with 0 when a connection was last open. Return its number; 0 if there
    never was a connection."""
    row = connection.execute("SELECT heard FROM presence WHERE one = 1").fetchone()
    if row is None:
        heard(connection, now())
        return 0
    number = connection.execute("INSERT INTO outages (since) VALUES (?)", (since or row[0],)).lastrowid or 0
    connection.execute("DELETE FROM outages WHERE id <= ?", (number - KEPT,))
    return number


def gap(connection: sqlite3.Connection, thread_id: int) -> Gap | None:
    """Return what may have been missed in a thread."""
    row = connection.execute("SELECT heard FROM threads WHERE id = ?", (thread_id,)).fetchone()
    return None if row is None else _gap_after(connection, int(row[0]))


def _gap_after(connection: sqlite3.Connection, number: int) -> Gap | None:
    last = int(connection.execute(f"SELECT {_LAST}").fetchone()[0])
    if number >= last:
        return None
    since = connection.execute("SELECT since FROM outages WHERE id > ? ORDER BY id LIMIT 1", (number,)).fetchone()
    return Gap(float(since[0]), last)


def recorded(connection: sqlite3.Connection, thread_id: int, after: str = "", upto: str = "") -> list[RecordedMessage]:
    """Return the recorded messages of people and apps in a thread, the newest first, without the bot's own entries."""
    first = connection.execute("SELECT first FROM turns WHERE thread_id = ? AND ended_at IS NULL", (thread_id,))
    [begun] = first.fetchone() or (None,)
    rows = connection.execute(
        "SELECT ts, seq, addressed FROM inbox WHERE thread_id = ? AND ts > ? AND ts <= ? AND about IS NULL AND NOT gone"
        " AND user <> '' AND substr(event_id, 1, ?) <> ? ORDER BY ts DESC LIMIT ?",
        (thread_id, after, upto or NONE_HIGHER, len(MISSED) + 1, f"{MISSED}-", BETWEEN if after else NEWEST),
    )
    return [
        RecordedMessage(str(ts), seq is None or (begun is not None and bool(addressed) and seq >= begun))
        for ts, seq, addressed in rows
    ]


def active(connection: sqlite3.Connection, before: int) -> list[ActiveThread]:
    """Return the newest messages with a number below this one (0: of all), with their threads."""
    rows = connection.execute(
        "SELECT i.id, i.received_at, t.id, t.heard, t.team, t.channel, t.thread_ts, t.kind"
        " FROM inbox i CROSS JOIN threads t ON t.id = i.thread_id WHERE i.id < ? ORDER BY i.id DESC LIMIT ?",
        (before or 1 << 62, AT_ONCE),
    ).fetchall()
    gaps = {number: _gap_after(connection, number) for number in {int(row[3]) for row in rows}}
    return [
        ActiveThread(int(id_), float(at), int(thread), ThreadRef(*place), gaps[int(number)])
        for id_, at, thread, number, *place in rows
    ]


def known(connection: sqlite3.Connection, place: Conversation, roots: Sequence[str]) -> list[KnownThread]:
    """Return the threads of a conversation whose first messages have these timestamps."""
    found: list[KnownThread] = []
    for root in roots:
        rows = connection.execute(
            "SELECT id, heard, team, channel, thread_ts, kind FROM threads"
            " WHERE team = ? AND channel = ? AND thread_ts = ?",
            (place.team, place.channel, root),
        )
        found += _threads(connection, rows.fetchall())
    return found


def open_turns(connection: sqlite3.Connection, before: int) -> list[KnownThread]:
    """Return threads with an open turn and an id below this one (0: any), the highest first."""
    rows = connection.execute(
        "SELECT t.id, t.heard, t.team, t.channel, t.thread_ts, t.kind FROM turns o INDEXED BY turns_open"
        " CROSS JOIN threads t ON t.id = o.thread_id WHERE o.ended_at IS NULL AND o.thread_id < ?"
        " ORDER BY o.thread_id DESC LIMIT ?",
        (before or 1 << 62, AT_ONCE),
    )
    return _threads(connection, rows.fetchall())


def _threads(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[KnownThread]:
    gaps = {number: _gap_after(connection, number) for number in {int(row[1]) for row in rows}}
    return [KnownThread(int(id_), ThreadRef(*place), gaps[int(number)]) for id_, number, *place in rows]


def of_conversations(connection: sqlite3.Connection, found: Sequence[Conversation]) -> list[Gap | None]:
    """Return what may have been missed in each conversation. A new one counts as read up to the previous listing, since
    the bot may have joined it later."""
    row = connection.execute("SELECT listed FROM presence WHERE one = 1").fetchone()
    listed = int(row[0]) if row else 0
    gaps: list[Gap | None] = []
    for each in found:
        connection.execute(
            "INSERT OR IGNORE INTO conversations (team, channel, heard) VALUES (?, ?, ?)",
            (each.team, each.channel, listed),
        )
        [number] = connection.execute(
            "SELECT heard FROM conversations WHERE team = ? AND channel = ?", (each.team, each.channel)
        ).fetchone()
        gaps.append(_gap_after(connection, int(number)))
    connection.execute(f"UPDATE presence SET listed = {_LAST} WHERE one = 1")
    return gaps


def caught_up(connection: sqlite3.Connection, what: int | Conversation, number: int) -> None:
    """Record that a thread or conversation was read up to an outage."""
    if isinstance(what, int):
        connection.execute("UPDATE threads SET heard = ? WHERE id = ? AND heard < ?", (number, what, number))
    else:
        connection.execute(
            "UPDATE conversations SET heard = ? WHERE team = ? AND channel = ? AND heard < ?",
            (number, what.team, what.channel, number),
        )
