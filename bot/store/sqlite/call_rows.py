"""Tool calls as rows. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from bot.core.calls import Call, CallOutcome, CallState

CALL_COLUMNS = (
    "id, seq, position, call_id, tool, server, remote_name, arguments, tool_digest, repeatable,"
    " state, outcome, result, seconds, attempts, summarised, tier, why, original, editors, attached,"
    " exchange, task, rest"
)


def call_from(row: Sequence[object]) -> Call:
    """Return a call from the columns CALL_COLUMNS."""
    (id_, seq, position, call_id, tool, server, remote_name, arguments, digest, repeatable, *rest) = row
    state, outcome, result, seconds, attempts, summarised, tier, why, original, editors, attached, *rest = rest
    exchange, task, whole = rest
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
        tier=str(tier),
        why=str(why),
        original=str(original),
        editors=tuple(str(editors).split()),
        attached=str(attached),
        exchange=str(exchange),
        task=str(task),
        rest=str(whole),
    )


def insert(connection: sqlite3.Connection, thread_id: int, turn_id: int, call: Call, request: str = "") -> int:
    """Record a new call of the reply to this request; return its id."""
    cursor = connection.execute(
        "INSERT INTO calls (thread_id, turn_id, seq, position, call_id, tool, server, remote_name, arguments,"
        " tool_digest, repeatable, state, outcome, result, attempts, tier, why, request)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            call.tier,
            call.why,
            request,
        ),
    )
    return cursor.lastrowid or 0


def save(connection: sqlite3.Connection, calls: Iterable[Call]) -> list[Call]:
    """Write the state of calls; return those whose state or attempt has changed. A call that has a result keeps it, and
    its stored state is returned; its arguments are written by whoever edits them."""
    moved: list[Call] = []
    for call in calls:
        before = connection.execute("SELECT state, attempts FROM calls WHERE id = ?", (call.id,)).fetchone()
        written = connection.execute(
            "UPDATE calls SET state = ?, outcome = ?, result = ?, seconds = ?, attempts = ?, summarised = ?,"
            " tool_digest = ?, attached = ?, exchange = ?, task = ?, rest = ?"
            " WHERE id = ? AND (state <> 'finished' OR outcome = ?)",
            (
                call.state,
                call.outcome,
                call.result,
                call.seconds,
                call.attempts,
                call.summarised,
                call.tool_digest,
                call.attached,
                "" if call.state is CallState.FINISHED else call.exchange,
                call.task,
                call.rest,
                call.id,
                call.outcome,
            ),
        ).rowcount
        if not written:
            renew(connection, call)
        elif before != (call.state, call.attempts):
            moved.append(call)
    return moved


def renew(connection: sqlite3.Connection, call: Call) -> None:
    """Reload a call: a person may have ended it meanwhile."""
    state, outcome, call.result, call.attempts = connection.execute(
        "SELECT state, outcome, result, attempts FROM calls WHERE id = ?", (call.id,)
    ).fetchone()
    call.state, call.outcome = CallState(state), None if outcome is None else CallOutcome(outcome)
