"""The ledger of costs and its running sums. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Sequence

from bot.core.budget import NOT_COUNTED, Basis, Counted, CutRequest, Payer, RequestCost, Sum, SumKey, changes_of
from bot.core.transaction import Usage
from bot.store.sqlite.database import now

_ADD = (
    "INSERT INTO cost_sums (scope, key, period, cost, estimated) VALUES {}"
    " ON CONFLICT (scope, key, period) DO UPDATE SET cost = cost + excluded.cost,"
    " estimated = estimated + excluded.estimated"
)

RECENT_SECONDS = 30 * 86_400.0
"""How old a request may be whose cost stands for that of another thread."""


def record(connection: sqlite3.Connection, turn: int, costs: Iterable[RequestCost]) -> None:
    """Record requests of a turn, each once: what a request counted for before is replaced.

    What those that were cut off are estimated to have cost is added to the turn; the caller adds everything else.
    """
    for each in costs:
        found = _begun(connection, turn, each.request, each.generation)
        if each.cut:
            _cut(connection, found)
        else:
            _write(connection, found, each.model, each.usage, each.basis)


def as_one(usage: Usage, model: str) -> Sequence[RequestCost]:
    """Return the record of a change that only says what was used; none if that is nothing."""
    if usage == Usage():
        return ()
    basis = Basis.REPORTED if usage.cost or usage.reported else Basis.UNKNOWN
    return (RequestCost(uuid.uuid4().hex, model=model, usage=usage, basis=basis),)


def begin(connection: sqlite3.Connection, turn: int, request: str, generation: str) -> None:
    """Record that a request is being answered, unless it is recorded already."""
    _begun(connection, turn, request, generation)


def _begun(connection: sqlite3.Connection, turn: int, request: str, generation: str) -> int:
    """Return the id of the row of a request, which is added if there is none; 0 if there is no such turn."""
    row = connection.execute("SELECT id, generation FROM costs WHERE request = ?", (request,)).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO costs (request, generation, state, turn_id, thread_id, person, channel, at)"
            " SELECT ?, ?, 'open', u.id, u.thread_id, u.requester, t.channel, ?"
            " FROM turns u JOIN threads t ON t.id = u.thread_id WHERE u.id = ? RETURNING id, generation",
            (request, generation, now(), turn),
        ).fetchone()
    elif generation and not row[1]:
        connection.execute("UPDATE costs SET generation = ? WHERE id = ?", (generation, row[0]))
    return 0 if row is None else int(row[0])


def any_open(connection: sqlite3.Connection) -> bool:
    """Return whether there is a request whose end is not recorded."""
    return connection.execute("SELECT 1 FROM costs WHERE state = 'open' LIMIT 1").fetchone() is not None


def cut_off(connection: sqlite3.Connection, most: int) -> int:
    """Estimate what requests have cost whose end is not recorded, up to `most`. Return how many there were."""
    rows = connection.execute("SELECT id FROM costs WHERE state = 'open' ORDER BY id LIMIT ?", (most,)).fetchall()
    for (id_,) in rows:
        _cut(connection, int(id_))
    return len(rows)


def _cut(connection: sqlite3.Connection, id_: int) -> None:
    row = connection.execute("SELECT thread_id FROM costs WHERE id = ?", (id_,)).fetchone()
    last = connection.execute(
        "SELECT cost, model FROM costs WHERE id = (SELECT max(id) FROM costs INDEXED BY costs_of_thread"
        " WHERE thread_id = ? AND state = 'known')",
        row or (0,),
    ).fetchone()
    cost, model = last or _last_of_all(connection)
    _count_for_turn(connection, id_, Usage(cost=float(cost)))
    _write(connection, id_, str(model), Usage(cost=float(cost)), Basis.ESTIMATED if cost else Basis.UNKNOWN)
    connection.execute("UPDATE costs SET state = 'cut', due = ? WHERE id = ?", (now(), id_))


def _last_of_all(connection: sqlite3.Connection) -> tuple[float, str]:
    """Return cost and model of the last request that cost something."""
    row = connection.execute(
        "SELECT cost, model FROM costs INDEXED BY costs_of_time WHERE at > ? AND state = 'known' AND cost > 0"
        " ORDER BY at DESC LIMIT 1",
        (now() - RECENT_SECONDS,),
    ).fetchone()
    return (float(row[0]), str(row[1])) if row is not None else (0.0, "")


def cut_requests(connection: sqlite3.Connection, before: float, most: int) -> list[CutRequest]:
    """Return requests that were cut off and about which the endpoint is to be asked by now."""
    rows = connection.execute(
        "SELECT id, generation, tries FROM costs WHERE state = 'cut' AND due <= ? ORDER BY due LIMIT ?", (before, most)
    )
    return [CutRequest(int(id_), str(generation), int(tries)) for id_, generation, tries in rows]


def settle(connection: sqlite3.Connection, id_: int, model: str, usage: Usage | None, again_at: float) -> None:
    """Record what a request has cost that was cut off; or, without its usage, when to ask again (0: never)."""
    row = connection.execute("SELECT cost, model FROM costs WHERE id = ? AND state = 'cut'", (id_,)).fetchone()
    if row is None:
        return
    if usage is not None:
        _count_for_turn(connection, id_, usage, less=float(row[0]))
        _write(connection, id_, model or str(row[1]), usage, Basis.REPORTED)
    elif again_at:
        connection.execute("UPDATE costs SET tries = tries + 1, due = ? WHERE id = ?", (again_at, id_))
    else:
        connection.execute("UPDATE costs SET tries = tries + 1, state = 'known' WHERE id = ?", (id_,))


def _count_for_turn(connection: sqlite3.Connection, id_: int, usage: Usage, *, less: float = 0.0) -> None:
    connection.execute(
        "UPDATE turns SET prompt_tokens = prompt_tokens + ?, completion_tokens = completion_tokens + ?,"
        " cached_tokens = cached_tokens + ?, cost = cost + ? WHERE id = (SELECT turn_id FROM costs WHERE id = ?)",
        (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.cost - less, id_),
    )


def _write(connection: sqlite3.Connection, id_: int, model: str, usage: Usage, basis: Basis) -> None:
    """Write what a request has cost, and bring the sums up to date."""
    row = connection.execute(
        "SELECT turn_id, thread_id, person, channel, at, state, model, cost, basis FROM costs WHERE id = ?", (id_,)
    ).fetchone()
    if row is None:
        return
    turn, thread, person, channel, at, state, was_model, was_cost, was_basis = row
    connection.execute(
        "UPDATE costs SET state = 'known', model = ?, prompt_tokens = ?, completion_tokens = ?, cached_tokens = ?,"
        " cost = ?, basis = ? WHERE id = ?",
        (model, usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.cost, basis, id_),
    )
    counted = Counted(str(was_model), float(was_cost), was_basis != Basis.REPORTED)
    before = NOT_COUNTED if state == "open" else counted
    after = Counted(model, usage.cost, basis is not Basis.REPORTED)
    changes = changes_of(Payer(turn, thread, person, channel), at, before, after)
    # One statement for all rows takes half the time of one for each.
    values = [value for key, *added in changes for value in (key.scope, key.key, key.period, *added)]
    connection.execute(_ADD.format(", ".join(["(?, ?, ?, ?, ?)"] * len(changes))), values)


def sums(connection: sqlite3.Connection, keys: Sequence[SumKey]) -> list[Sum]:
    """Return running sums, in the order of their keys."""
    return [find(connection, key) for key in keys]


def find(connection: sqlite3.Connection, key: SumKey) -> Sum:
    """Return one running sum."""
    row = connection.execute(
        "SELECT cost, estimated, allowed, question, refused_until FROM cost_sums"
        " WHERE scope = ? AND key = ? AND period = ?",
        (key.scope, key.key, key.period),
    ).fetchone()
    return Sum() if row is None else Sum(*row)


def largest(connection: sqlite3.Connection, scope: str, month: str, most: int) -> list[tuple[str, Sum]]:
    """Return the largest running sums of a scope in a month with their keys."""
    rows = connection.execute(
        "SELECT key, cost, estimated, allowed, question, refused_until FROM cost_sums INDEXED BY cost_sums_largest"
        " WHERE scope = ? AND period = ? AND length(period) = 7 ORDER BY cost DESC, key LIMIT ?",
        (scope, month, most),
    )
    return [(str(key), Sum(*found)) for key, *found in rows]
