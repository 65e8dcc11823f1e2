"""Snapshots of what approved calls changed, and their undo. Functions over a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from bot.core.calls import Call
from bot.core.inbox import timestamp
from bot.core.questions.question import UndoState
from bot.core.tools import Undone, UndoSnapshot
from bot.core.transaction import UndoJob
from bot.store.sqlite import audit, ledgers
from bot.store.sqlite.call_rows import CALL_COLUMNS, call_from
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import touch
from bot.store.sqlite.unreadable import OddRows


def keep(connection: sqlite3.Connection, call: Call, before: UndoSnapshot) -> None:
    """Record the snapshot of a call; one from an earlier attempt of the same call is replaced."""
    connection.execute(
        "INSERT OR REPLACE INTO undos (call, approval, plan, content) VALUES (?, ?, ?, ?)",
        (call.id, call.approval, before.plan, before.content),
    )


def offer(connection: sqlite3.Connection, call: Call, after: str, until: float) -> None:
    """Offer the undo of a call that succeeded, as long as the state it left is unchanged."""
    if not after:
        _close(connection, call.id)
        return
    # A call that ran under a grant has no request; its record is written with its end.
    connection.execute(
        "UPDATE undos SET state = 'offered', after = :after, until = :until, approval = CASE approval WHEN '' THEN"
        " coalesce((SELECT id FROM questions WHERE call = :call AND kind = 'granted'), '') ELSE approval END"
        " WHERE call = :call AND state = 'kept'",
        {"after": after, "until": until, "call": call.id},
    )


def request(connection: sqlite3.Connection, call: int, user: str) -> None:
    """Record that somebody requested the undo of this call."""
    connection.execute("UPDATE undos SET state = 'undoing', by = ? WHERE call = ? AND state = 'offered'", (user, call))
    ledgers.redraw(connection, call)


def undo_threads(connection: sqlite3.Connection) -> list[int]:
    """Return the threads with requested undos."""
    rows = connection.execute("SELECT c.thread_id FROM undos u JOIN calls c ON c.id = u.call WHERE u.state = 'undoing'")
    return sorted({int(thread_id) for (thread_id,) in rows})


def next_undo(connection: sqlite3.Connection, thread_id: int, odd: OddRows) -> UndoJob | None:
    """Return the requested undo of a thread whose call has ended last; None if there is none. `until` is the same time
    after the end of every call."""
    # In the order of the index `undos_state`, so that only as many rows are read as are needed.
    rows = connection.execute(
        "SELECT u.call FROM undos u CROSS JOIN calls c ON c.id = u.call WHERE u.state = 'undoing' AND c.thread_id = ?"
        " ORDER BY u.until DESC, u.call DESC",
        (thread_id,),
    )
    for (call,) in rows:
        job = odd.around(connection, f"what was kept of call {call}", lambda call=call: _job(connection, int(call)))
        if job is not None:
            return job
    return None


def _job(connection: sqlite3.Connection, call: int) -> UndoJob:
    columns = ", ".join(f"c.{name.strip()}" for name in CALL_COLUMNS.split(","))
    plan, content, after, begun, *row = connection.execute(
        f"SELECT u.plan, u.content, u.after, u.begun, {columns} FROM undos u JOIN calls c ON c.id = u.call"
        " WHERE u.call = ?",
        (call,),
    ).fetchone()
    return UndoJob(call_from(row), UndoSnapshot(str(plan), _bytes(content)), str(after), bool(begun))


def _bytes(content: object) -> bytes:
    if not isinstance(content, bytes):
        raise ValueError("its content is no bytes")
    return content


def begin(connection: sqlite3.Connection, call: int) -> None:
    """Record that an undo is about to begin; after a crash it may have been done."""
    connection.execute("UPDATE undos SET begun = 1 WHERE call = ?", (call,))


def end_undo(connection: sqlite3.Connection, thread_id: int, call: int, undone: Undone, note: str) -> None:
    """Record the outcome of an undo, once, and drop the snapshot. The model reads the note at its next turn."""
    state = UndoState.UNDONE if undone.done else UndoState.REFUSED
    changed = connection.execute(
        "UPDATE undos SET state = ?, words = ?, content = x'' WHERE call = ? AND state = 'undoing'",
        (state, undone.words, call),
    ).rowcount
    if not changed:
        return
    approval, user = connection.execute("SELECT approval, by FROM undos WHERE call = ?", (call,)).fetchone()
    where = (thread_id, call, str(approval))
    # The outcome names paths, which the audit may have to leave out; the card shows them.
    _record(connection, "undone", where, user, {"done": undone.done})
    touch(connection, approval)
    ledgers.redraw(connection, call)
    if undone.done:
        connection.execute(
            "INSERT OR IGNORE INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at)"
            " VALUES (?, ?, ?, '', ?, '[]', 0, ?)",
            (thread_id, f"undo-{call}", timestamp(now()), note, now()),
        )


def expire(connection: sqlite3.Connection, most: int) -> list[int]:
    """Withdraw expired offers, up to `most`; return the thread of each. Snapshots of calls that did not succeed (denied
    after a drift, interrupted) are dropped too."""
    connection.execute("UPDATE undos SET state = 'closed', content = x'' WHERE state = 'kept' AND until > 0")
    rows = connection.execute(
        "SELECT u.call, u.approval, c.thread_id FROM undos u JOIN calls c ON c.id = u.call"
        " WHERE u.state = 'offered' AND u.until <= ? LIMIT ?",
        (now(), most),
    ).fetchall()
    for call, approval, _ in rows:
        _close(connection, int(call))
        touch(connection, str(approval))
        ledgers.redraw(connection, int(call))
    return [int(row[2]) for row in rows]


def _close(connection: sqlite3.Connection, call: int) -> None:
    connection.execute("UPDATE undos SET state = 'closed', content = x'' WHERE call = ?", (call,))


def _record(
    connection: sqlite3.Connection,
    kind: str,
    where: tuple[int, int, str],
    actor: str,
    facts: Mapping[str, object],
) -> None:
    thread_id, call, approval = where
    audit.record(connection, kind, thread_id=thread_id, call=call, approval=approval, actor=actor, facts=dict(facts))
