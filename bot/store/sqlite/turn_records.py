"""Reads what is recorded of a turn. Functions over a connection."""

from __future__ import annotations

import sqlite3

from bot.core.budget import Basis
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage
from bot.core.turn_record import CallCost, TurnRecord
from bot.store.sqlite.call_rows import CALL_COLUMNS, call_from


def find(connection: sqlite3.Connection, turn: int, most: int) -> TurnRecord | None:
    """Return a turn with its first calls, so many at most; None if there is no such turn."""
    row = connection.execute(
        "SELECT t.id, t.team, t.channel, t.thread_ts, t.kind, u.requester, u.steps, u.seconds,"
        " u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.cost,"
        " (SELECT count(*) FROM calls WHERE turn_id = u.id), u.model, u.fallback,"
        " (SELECT estimated FROM cost_sums WHERE scope = 'turn' AND key = CAST(u.id AS TEXT) AND period = '')"
        " FROM turns u JOIN threads t ON t.id = u.thread_id WHERE u.id = ?",
        (turn,),
    ).fetchone()
    if row is None:
        return None
    rows = connection.execute(
        f"SELECT {CALL_COLUMNS} FROM calls WHERE turn_id = ? ORDER BY seq, position LIMIT ?", (turn, most)
    )
    calls = [call_from(each) for each in rows]
    return TurnRecord(
        thread_id=row[0],
        place=ThreadRef(*row[1:5]),
        requester=row[5],
        calls=calls,
        more=row[12] - len(calls),
        steps=row[6],
        seconds=row[7],
        usage=Usage(*row[8:12]),
        model=row[13],
        fallback=row[14],
        estimated=int(row[15] or 0),
        costs=_costs(connection, turn, most),
    )


def _costs(connection: sqlite3.Connection, turn: int, most: int) -> dict[int, CallCost]:
    """Return what the requests have cost that asked for the first calls of a turn, by the id of the call."""
    rows = connection.execute(
        "SELECT id, request, (SELECT cost FROM costs WHERE request = calls.request),"
        " (SELECT basis FROM costs WHERE request = calls.request)"
        " FROM calls WHERE turn_id = ? ORDER BY seq, position LIMIT ?",
        (turn, most),
    )
    return {
        int(id_): CallCost(str(request), float(cost), Basis(basis))
        for id_, request, cost, basis in rows
        if basis in list(Basis)
    }
