"""The log of a thread, its turns and its tool calls. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bot.core.calls import Call, CallState
from bot.core.compaction import Measure
from bot.core.inbox import AuthorKind, Unread
from bot.core.thread import MAX_PEOPLE, ThreadState, Turn
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage
from bot.core.turn_message import TurnMessage, first_key, growing_part, last_key
from bot.core.untrusted import items, one_of, parsed
from bot.errors import ChangedError
from bot.store.sqlite.call_rows import CALL_COLUMNS, call_from
from bot.store.sqlite.database import now


def load(connection: sqlite3.Connection, thread_id: int) -> ThreadState:
    """Return everything that `advance` needs of a thread, except the texts of its log
    (`compactions.bodies`)."""
    row = connection.execute(
        "SELECT team, channel, thread_ts, kind, functions, parked, context_tokens, context_upto, summary_stale,"
        " EXISTS (SELECT 1 FROM calls INDEXED BY calls_cut WHERE thread_id = threads.id AND rest <> '')"
        " FROM threads WHERE id = ?",
        (thread_id,),
    )
    *place, functions, parked, tokens, upto, stale, cut = row.fetchone()
    last = connection.execute(
        "SELECT seq, role FROM messages WHERE thread_id = ? ORDER BY seq DESC LIMIT 1", (thread_id,)
    ).fetchone()
    position, role = last or (-1, "")
    state = ThreadState(
        thread_id, ThreadRef(*place), last_position=position, last_role=role, turn=None, functions=functions
    )
    state.parked, state.measured, state.stale = bool(parked), Measure(tokens, upto), bool(stale)
    state.cut = bool(cut)
    turn = connection.execute(
        "SELECT id, requester, steps, seconds, nudged, closing, stopped_by, first, attempts,"
        " prompt_tokens, completion_tokens, cached_tokens, cost, model, fallback FROM turns"
        " WHERE thread_id = ? AND ended_at IS NULL",
        (thread_id,),
    ).fetchone()
    if turn is not None:
        state.turn = Turn(
            id=turn[0],
            requester=turn[1],
            steps=turn[2],
            seconds=turn[3],
            reprompted=bool(turn[4]),
            closing=turn[5],
            stopped_by=turn[6],
            attempts=turn[8],
            others=_others(connection, thread_id, turn[7], turn[1]),
            usage=Usage(*turn[9:13]),
            model=turn[13],
            fallback=turn[14],
            first=turn[7],
        )
        rows = connection.execute(
            f"SELECT {CALL_COLUMNS} FROM calls WHERE turn_id = ? ORDER BY seq, position",
            (turn[0],),
        )
        state.calls = [call_from(row) for row in rows]
        if any(call.state is not CallState.FINISHED or not call.summarised for call in state.calls):
            _mark_asked(connection, turn[0], state.calls)
        state.message = current_part(connection, state)
    state.unread = unread(connection, thread_id)
    people = connection.execute("SELECT user FROM participants WHERE thread_id = ? LIMIT ?", (thread_id, MAX_PEOPLE))
    state.people = tuple(str(user) for (user,) in people)
    return state


def rest(connection: sqlite3.Connection, thread_id: int, call: int) -> str:
    """Return where the whole result of a call of this thread is kept; empty if nothing is."""
    row = connection.execute("SELECT rest FROM calls WHERE id = ? AND thread_id = ?", (call, thread_id)).fetchone()
    return "" if row is None else str(row[0])


def current_part(connection: sqlite3.Connection, state: ThreadState) -> TurnMessage | None:
    """Return the part of the open turn's message that is to go on; None if no turn is open."""
    if state.turn is None:
        return None
    rows = connection.execute(
        "SELECT payload, final FROM posts WHERE key > ? AND key < ? ORDER BY key DESC",
        (first_key(state.turn.id), last_key(state.turn.id)),
    )
    parts = ((str(payload), bool(final)) for payload, final in rows)
    return growing_part(state.turn.id, state.turn.requester, state.place.team, parts)


def _others(connection: sqlite3.Connection, thread_id: int, first: int, requester: str) -> tuple[str, ...]:
    """Return who, besides the requester, has addressed the bot in the turn that begins at this position of the log."""
    rows = connection.execute(
        "SELECT user FROM inbox WHERE thread_id = ? AND seq >= ? AND addressed AND user NOT IN ('', ?)",
        (thread_id, first, requester),
    )
    return tuple(sorted({str(row[0]) for row in rows}))


def _mark_asked(connection: sqlite3.Connection, turn_id: int, calls: Iterable[Call]) -> None:
    """Set which calls people are being asked about, and which request allows the others."""
    by_id = {call.id: call for call in calls}
    rows = connection.execute(
        "SELECT q.call, q.id, q.digest, q.basis, q.decision FROM calls c CROSS JOIN questions q ON q.call = c.id"
        " WHERE c.turn_id = ? AND q.decision IN ('awaiting', 'approved', 'run_again') AND q.kind <> 'granted'"
        " ORDER BY q.created_at",
        (turn_id,),
    )
    for call_id, approval, digest, basis, decision in rows:
        call = by_id[call_id]
        if decision == "awaiting":
            call.asked = True
        else:
            call.approval, call.approved_digest, call.basis = approval, digest, basis
    if any(call.state is CallState.AWAITING and not call.asked for call in by_id.values()):
        waiting = connection.execute(
            "SELECT c.id FROM calls c JOIN sign_in_waits w ON w.call = c.id"
            " WHERE c.turn_id = ? AND c.state = 'awaiting' AND c.asked",
            (turn_id,),
        )
        for (call_id,) in waiting:
            by_id[call_id].asked = True


def stopped_by(connection: sqlite3.Connection, turn_id: int) -> str:
    """Return who has stopped the turn; empty if nobody has."""
    row = connection.execute("SELECT stopped_by FROM turns WHERE id = ?", (turn_id,)).fetchone()
    return "" if row is None else str(row[0])


def unread(connection: sqlite3.Connection, thread_id: int) -> list[Unread]:
    """Return the messages that are not in the log yet, in the order of the thread."""
    rows = connection.execute(
        "SELECT id, user, ts, text, files, addressed, told, body, author, label, held, version, change,"
        " (SELECT o.ts FROM inbox o WHERE o.id = inbox.about) FROM inbox"
        " WHERE thread_id = ? AND seq IS NULL ORDER BY ts",
        (thread_id,),
    )
    return [
        Unread(
            id=row[0],
            user=row[1],
            ts=row[2],
            text=row[3],
            files=[name for name in items(parsed(row[4])) if isinstance(name, str)],
            addressed=bool(row[5]),
            notified=bool(row[6]),
            body=row[7],
            author=one_of(AuthorKind, row[8], AuthorKind.APP),
            label=row[9],
            held=bool(row[10]),
            version=row[11],
            change=row[12],
            changed_ts=row[13] or "",
        )
        for row in rows
    ]


def functions(connection: sqlite3.Connection, digest: str) -> str:
    """Return a tool list by its digest."""
    row = connection.execute("SELECT body FROM functions WHERE digest = ?", (digest,)).fetchone()
    return "" if row is None else str(row[0])


def save_functions(connection: sqlite3.Connection, thread_id: int, digest: str, body: str) -> None:
    """Record the tool list that the thread's last request offered."""
    connection.execute("INSERT OR IGNORE INTO functions (digest, body) VALUES (?, ?)", (digest, body))
    connection.execute("UPDATE threads SET functions = ? WHERE id = ?", (digest, thread_id))


def open_turn(connection: sqlite3.Connection, thread_id: int, requester: str, first: int) -> int:
    """Start a turn at this position of the log, and count the request to the model that follows. An index allows one
    open turn per thread."""
    cursor = connection.execute(
        "INSERT INTO turns (thread_id, requester, first, opened_at, attempts) VALUES (?, ?, ?, ?, 1)",
        (thread_id, requester, first, now()),
    )
    return cursor.lastrowid or 0


def has_open_turn(connection: sqlite3.Connection, thread_id: int) -> bool:
    """Return whether a turn is open in a thread."""
    found = connection.execute("SELECT 1 FROM turns WHERE thread_id = ? AND ended_at IS NULL", (thread_id,))
    return found.fetchone() is not None


def next_position(connection: sqlite3.Connection, thread_id: int) -> int:
    """Return the position of the next message of a thread's log."""
    found = connection.execute("SELECT max(seq) FROM messages WHERE thread_id = ?", (thread_id,)).fetchone()
    return 0 if found[0] is None else int(found[0]) + 1


def append(
    connection: sqlite3.Connection, thread_id: int, turn_id: int, seq: int, messages: Iterable[tuple[str, str]]
) -> None:
    """Append (role, JSON text) pairs from this position on; the primary key rejects a position that is taken."""
    at = now()
    connection.executemany(
        "INSERT INTO messages (thread_id, turn_id, seq, role, body, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(thread_id, turn_id, place, role, body, at) for place, (role, body) in enumerate(messages, start=seq)],
    )


def mark_read(connection: sqlite3.Connection, ids: Iterable[tuple[int, int, str, bool]]) -> None:
    """Mark messages as read: (position in the log, inbox id, version, whether it is addressed). Raises ChangedError if
    one of them was edited, deleted or withdrawn since."""
    read = list(ids)
    marked = connection.executemany("UPDATE inbox SET seq = ? WHERE id = ? AND version = ? AND addressed = ?", read)
    if marked.rowcount != len(read) and read:
        raise ChangedError("a message was edited, deleted or withdrawn while it was being read")


def mark_notified(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Record that these unread messages wait for a decision, and that all that follows before it is done."""
    connection.executemany("UPDATE inbox SET told = 1 WHERE id = ?", [(id_,) for id_ in ids])


def save_turn(
    connection: sqlite3.Connection, turn: Turn, usage: Usage | None = None, outcome: str | None = None
) -> None:
    """Write the turn's counters; with an outcome, end it."""
    usage = usage or Usage()
    # `ended_at` is in two indexes, which are only written if it is set.
    ends = ", outcome = ?, ended_at = ?" if outcome else ""
    connection.execute(
        f"UPDATE turns SET steps = ?, seconds = ?, nudged = ?, closing = ?, attempts = ?, model = ?,"
        f" prompt_tokens = prompt_tokens + ?, completion_tokens = completion_tokens + ?,"
        f" cached_tokens = cached_tokens + ?, cost = cost + ?{ends} WHERE id = ?",
        (
            turn.steps,
            turn.seconds,
            turn.reprompted,
            turn.closing,
            turn.attempts,
            turn.model,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_tokens,
            usage.cost,
            *((outcome, now()) if outcome else ()),
            turn.id,
        ),
    )
    if outcome:
        # Messages that had to wait for a decision in this turn and are still unread are read next.
        connection.execute(
            "UPDATE inbox SET told = 0 WHERE thread_id = (SELECT thread_id FROM turns WHERE id = ?)"
            " AND seq IS NULL AND told",
            (turn.id,),
        )
