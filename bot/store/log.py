"""The log of a thread, its turns and its tool calls. Functions over a connection, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from bot.core.ports import Usage
from bot.core.thread import Call, CallOutcome, CallState, Place, ThreadState, Turn, Unread
from bot.store.database import now

CALL_COLUMNS = (
    "id, seq, position, call_id, tool, server, remote_name, arguments, tool_digest, repeatable,"
    " state, outcome, result, seconds, attempts, summarised"
)


def call_from(row: Sequence[object]) -> Call:
    """A call from the columns of CALL_COLUMNS."""
    (id_, seq, position, call_id, tool, server, remote_name, arguments, digest, repeatable, *rest) = row
    state, outcome, result, seconds, attempts, summarised = rest
    return Call(
        id=int(str(id_)),
        seq=int(str(seq)),
        position=int(str(position)),
        call_id=str(call_id),
        tool=str(tool),
        server=str(server),
        remote_name=str(remote_name),
        arguments=str(arguments),
        tool_digest=str(digest),
        repeatable=bool(repeatable),
        state=CallState(str(state)),
        outcome=None if outcome is None else CallOutcome(str(outcome)),
        result=str(result),
        seconds=float(str(seconds)),
        attempts=int(str(attempts)),
        summarised=bool(summarised),
    )


def load(connection: sqlite3.Connection, thread_id: int) -> ThreadState:
    """All that `advance` needs of a thread."""
    row = connection.execute("SELECT team, channel, thread_ts, kind, functions FROM threads WHERE id = ?", (thread_id,))
    *place, functions = row.fetchone()
    state = ThreadState(thread_id, Place(*place), messages=[], last_role="", turn=None, functions=functions)
    for role, body in connection.execute(
        "SELECT role, body FROM messages WHERE thread_id = ? ORDER BY seq", (thread_id,)
    ):
        state.messages.append(body)
        state.last_role = role
    turn = connection.execute(
        "SELECT id, requester, steps, seconds, nudged, closing FROM turns WHERE thread_id = ? AND ended_at IS NULL",
        (thread_id,),
    ).fetchone()
    if turn is not None:
        state.turn = Turn(
            id=turn[0], requester=turn[1], steps=turn[2], seconds=turn[3], nudged=bool(turn[4]), closing=turn[5]
        )
        rows = connection.execute(
            f"SELECT {CALL_COLUMNS} FROM calls WHERE turn_id = ? ORDER BY seq, position",
            (turn[0],),
        )
        state.calls = [call_from(row) for row in rows]
    state.unread = unread(connection, thread_id)
    return state


def unread(connection: sqlite3.Connection, thread_id: int) -> list[Unread]:
    """Messages that are not in the log yet, in the order of the thread."""
    rows = connection.execute(
        "SELECT id, user, ts, text, files, addressed FROM inbox WHERE thread_id = ? AND seq IS NULL ORDER BY ts",
        (thread_id,),
    )
    return [
        Unread(id=row[0], user=row[1], ts=row[2], text=row[3], files=json.loads(row[4]), addressed=bool(row[5]))
        for row in rows
    ]


def functions(connection: sqlite3.Connection, digest: str) -> str:
    """A tool list by its digest."""
    row = connection.execute("SELECT body FROM functions WHERE digest = ?", (digest,)).fetchone()
    return "" if row is None else str(row[0])


def save_functions(connection: sqlite3.Connection, thread_id: int, digest: str, body: str) -> None:
    """This is what the thread's last request offered."""
    connection.execute("INSERT OR IGNORE INTO functions (digest, body) VALUES (?, ?)", (digest, body))
    connection.execute("UPDATE threads SET functions = ? WHERE id = ?", (digest, thread_id))


def open_turn(connection: sqlite3.Connection, thread_id: int, requester: str) -> int:
    """Start a turn; the index allows one open turn a thread."""
    cursor = connection.execute(
        "INSERT INTO turns (thread_id, requester, opened_at) VALUES (?, ?, ?)", (thread_id, requester, now())
    )
    return cursor.lastrowid or 0


def append(
    connection: sqlite3.Connection, thread_id: int, turn_id: int, seq: int, messages: Iterable[tuple[str, str]]
) -> None:
    """Append (role, JSON text) pairs from this place on; the primary key refuses a place that is taken."""
    at = now()
    connection.executemany(
        "INSERT INTO messages (thread_id, turn_id, seq, role, body, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(thread_id, turn_id, place, role, body, at) for place, (role, body) in enumerate(messages, start=seq)],
    )


def mark_read(connection: sqlite3.Connection, ids: Iterable[tuple[int, int]]) -> None:
    """(place in the log, inbox id) pairs."""
    connection.executemany("UPDATE inbox SET seq = ? WHERE id = ?", list(ids))


def save_turn(
    connection: sqlite3.Connection, turn: Turn, usage: Usage | None = None, outcome: str | None = None
) -> None:
    """Write the turn's counters; with an outcome it ends."""
    usage = usage or Usage()
    connection.execute(
        "UPDATE turns SET steps = ?, seconds = ?, nudged = ?, closing = ?, outcome = ?, ended_at = ?,"
        " prompt_tokens = prompt_tokens + ?, completion_tokens = completion_tokens + ?,"
        " cached_tokens = cached_tokens + ?, cost = cost + ? WHERE id = ?",
        (
            turn.steps,
            turn.seconds,
            turn.nudged,
            turn.closing,
            outcome,
            now() if outcome else None,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_tokens,
            usage.cost,
            turn.id,
        ),
    )


def insert_call(connection: sqlite3.Connection, thread_id: int, turn_id: int, call: Call) -> int:
    """Record a call as it stands; returns its number."""
    cursor = connection.execute(
        "INSERT INTO calls (thread_id, turn_id, seq, position, call_id, tool, server, remote_name, arguments,"
        " tool_digest, repeatable, state, outcome, result, attempts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            thread_id,
            turn_id,
            call.seq,
            call.position,
            call.call_id,
            call.tool,
            call.server,
            call.remote_name,
            call.arguments,
            call.tool_digest,
            call.repeatable,
            call.state,
            call.outcome,
            call.result,
            call.attempts,
        ),
    )
    return cursor.lastrowid or 0


def save_calls(connection: sqlite3.Connection, calls: Iterable[Call]) -> None:
    """Write where the calls stand. One that has a result keeps it, whatever comes later."""
    connection.executemany(
        "UPDATE calls SET state = ?, outcome = ?, result = ?, seconds = ?, attempts = ?, summarised = ?"
        " WHERE id = ? AND (state <> 'finished' OR outcome = ?)",
        [
            (
                call.state,
                call.outcome,
                call.result,
                call.seconds,
                call.attempts,
                call.summarised,
                call.id,
                call.outcome,
            )
            for call in calls
        ],
    )
