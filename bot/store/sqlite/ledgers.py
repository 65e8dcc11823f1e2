"""Reads what turns and threads have changed. Functions over a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.ledger import Ledger, LedgerEntry, UndoTally, tally
from bot.core.questions.question import Approval, UndoState
from bot.core.thread_ref import ThreadRef
from bot.core.tools import UndoSnapshot
from bot.core.turn_message import TURN, first_key, last_key, loads
from bot.store.sqlite.call_rows import CALL_COLUMNS, call_from
from bot.store.sqlite.question_rows import find as find_question

MAX_BYTES = 8 * 1024 * 1024
"""Bytes of saved contents, and characters of previews, that are read for one ledger."""

_CHANGED = "tier <> 'read' AND outcome IN ('ok', 'assumed', 'denied', 'unresolved', 'skipped')"
"""Must be the exact condition of the index `calls_changed`."""
_KEPT = (UndoState.KEPT, UndoState.OFFERED, UndoState.UNDOING)
"""The states of an undo in which the previous content is still saved."""


def find(connection: sqlite3.Connection, turn: int, most: int, *, whole_thread: bool) -> Ledger | None:
    """Return what a turn or its thread has changed; None if there is no such turn."""
    row = connection.execute(
        "SELECT t.id, t.team, t.channel, t.thread_ts, t.kind FROM turns u JOIN threads t ON t.id = u.thread_id"
        " WHERE u.id = ?",
        (turn,),
    ).fetchone()
    if row is None:
        return None
    thread_id, *place = row
    if whole_thread:
        condition, about, order = "INDEXED BY calls_changed WHERE thread_id = ?", thread_id, "seq DESC, position DESC"
    else:
        condition, about, order = "WHERE turn_id = ?", turn, "seq, position"
    rows = connection.execute(
        f"SELECT turn_id, {CALL_COLUMNS} FROM calls {condition} AND {_CHANGED} ORDER BY {order} LIMIT ?", (about, most)
    ).fetchall()
    [(count,)] = connection.execute(f"SELECT count(*) FROM calls {condition} AND {_CHANGED}", (about,))
    entries: list[LedgerEntry] = []
    left = MAX_BYTES
    for turn_id, *call in rows:
        entry = _entry(connection, int(turn_id), call, left)
        left -= entry.size
        entries.append(entry)
        if left < 0:
            break
    more = int(count) - len(entries)
    return Ledger(int(thread_id), ThreadRef(*place), entries[::-1] if whole_thread else entries, more)


def _entry(connection: sqlite3.Connection, turn: int, row: Sequence[object], room: int) -> LedgerEntry:
    call = call_from(row)
    [(requester,)] = connection.execute("SELECT requester FROM turns WHERE id = ?", (turn,))
    kept = connection.execute(
        "SELECT approval, plan, state, length(content) FROM undos WHERE call = ?", (call.id,)
    ).fetchone()
    asked, before = "", None
    if kept is not None:
        asked, plan, state, size = kept
        if state in _KEPT and size <= room:
            [(content,)] = connection.execute("SELECT content FROM undos WHERE call = ?", (call.id,))
            before = UndoSnapshot(str(plan), bytes(content)) if isinstance(content, bytes) else None
    if not asked:  # nothing was kept, or it was for a call under a grant that was cut off before it had a record
        # The later question whether a call that was cut off has run does not show what the call does.
        found = connection.execute(
            "SELECT kind <> 'did_it_run', created_at, id FROM questions WHERE call = ?", (call.id,)
        )
        asked = str(max(found, default=(0, 0, ""))[-1])
    approval = find_question(connection, str(asked)) if asked else None
    return LedgerEntry(call, turn, str(requester), approval if isinstance(approval, Approval) else None, before)


def offered_undos(connection: sqlite3.Connection, turn: int) -> list[str]:
    """Return the requests of a turn whose calls can be undone."""
    return [approval for state, approval, _, _ in _undos(connection, turn) if state is UndoState.OFFERED]


def undos(connection: sqlite3.Connection, post: str, payload: str) -> UndoTally | None:
    """Return what can be undone of a turn, for the newest part of its message, which has a ledger; None for any other
    part, and while the turn goes on. In: the part's key and what was recorded of it."""
    message = loads(payload)
    if message.ledger is None or post != message.key:
        return None
    ended = connection.execute("SELECT ended_at IS NOT NULL FROM turns WHERE id = ?", (message.turn,)).fetchone()
    if ended != (1,) or _newest(connection, message.turn)[0] != post:
        return None
    return tally([(state, by, words) for state, _, by, words in _undos(connection, message.turn)])


def _undos(connection: sqlite3.Connection, turn: int) -> list[tuple[UndoState, str, str, str]]:
    """Return state, request, person and words of the undos of a turn, in the order of the log."""
    rows = connection.execute(
        "SELECT c.seq, c.position, u.state, u.approval, u.by, u.words FROM calls c CROSS JOIN undos u ON u.call = c.id"
        " WHERE c.turn_id = ?",
        (turn,),
    )
    found = sorted(
        (seq, position, str(state), str(a), str(by), str(words)) for seq, position, state, a, by, words in rows
    )
    return [(UndoState(state), approval, by, words) for _, _, state, approval, by, words in found]


def redraw(connection: sqlite3.Connection, call: int) -> None:
    """Mark the message of a call's turn for redrawing, if it has a ledger."""
    row = connection.execute("SELECT turn_id FROM calls WHERE id = ?", (call,)).fetchone()
    key, payload = _newest(connection, int(row[0])) if row else ("", "")
    if key and loads(payload).ledger is not None:
        connection.execute("UPDATE posts SET revision = revision + 1 WHERE key = ? AND final", (key,))


def _newest(connection: sqlite3.Connection, turn: int) -> tuple[str, str]:
    """Return key and payload of the newest part of a turn's message; empty if there is none."""
    row = connection.execute(
        "SELECT key, payload FROM posts WHERE key > ? AND key < ? AND kind = ? ORDER BY key DESC LIMIT 1",
        (first_key(turn), last_key(turn), TURN),
    ).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")
