"""Turns that wait for operators to allow more. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

from bot.core.budget import SumKey, Waiting, refused_until
from bot.core.budget_wait import BudgetWait
from bot.core.questions import budget
from bot.core.questions.question import Card, Decision, Question
from bot.store.sqlite import costs, posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find


def wait(
    connection: sqlite3.Connection, turn: int, thread_id: int, wanted: BudgetWait, ask: Callable[[Card], None]
) -> None:
    """Have a turn wait for the question about a budget, which is asked if none is open. Nothing follows if the turn
    waits already, or if more was allowed since the budget was read."""
    key = wanted.standing.key
    found = replace(wanted.standing, sum=costs.find(connection, key))
    if not found.reached:
        return
    asked = found.sum.question and find(connection, found.sum.question)
    if asked and asked.decision == Decision.AWAITING:
        if _open_question(connection, turn) == asked.id:
            return
        posts.owe(connection, thread_id, wanted.notice)
        if body := budget.joined(asked, thread_id):
            connection.execute("UPDATE questions SET body = ? WHERE id = ?", (body, asked.id))
        question = asked.id
    else:
        if found.sum.refused_until > now():
            return
        ask(wanted.card)
        question = wanted.card.questions[0].id
        connection.execute(
            "INSERT INTO cost_sums (scope, key, period, question) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (scope, key, period) DO UPDATE SET question = excluded.question",
            (key.scope, key.key, key.period, question),
        )
    connection.execute("INSERT OR REPLACE INTO budget_waits (turn_id, question) VALUES (?, ?)", (turn, question))
    connection.execute("UPDATE turns SET asked = asked + 1 WHERE id = ?", (turn,))


def _open_question(connection: sqlite3.Connection, turn: int) -> str:
    """Return the open question that a turn waits for; empty if there is none."""
    row = connection.execute(
        "SELECT q.id FROM budget_waits w JOIN questions q ON q.id = w.question"
        " WHERE w.turn_id = ? AND q.decision = 'awaiting'",
        (turn,),
    ).fetchone()
    return "" if row is None else str(row[0])


def leave(connection: sqlite3.Connection, thread_id: int) -> Iterator[Question]:
    """Have the open turn of a thread wait no more. Yield the question that no turn waits for any more, if any."""
    row = connection.execute(
        "SELECT w.turn_id, w.question FROM turns u JOIN budget_waits w ON w.turn_id = u.id"
        " JOIN questions q ON q.id = w.question"
        " WHERE u.thread_id = ? AND u.ended_at IS NULL AND q.decision = 'awaiting'",
        (thread_id,),
    ).fetchone()
    if row is None:
        return
    turn, question = row
    connection.execute("DELETE FROM budget_waits WHERE turn_id = ?", (turn,))
    connection.execute("UPDATE turns SET asked = asked - 1 WHERE id = ?", (turn,))
    if connection.execute("SELECT 1 FROM budget_waits WHERE question = ? LIMIT 1", (question,)).fetchone() is None:
        found = find(connection, str(question))
        if found is not None:
            yield found


def decided(connection: sqlite3.Connection, question: Question, allows: float) -> None:
    """Raise the budget of a question so that this much more may be spent than was spent; with 0, refuse more."""
    _, scope, *rest = question.subject.split(":")
    key = SumKey(scope, ":".join(rest[:-1]), rest[-1])
    if allows:
        cap = budget.asked(question).limit - costs.find(connection, key).allowed
        connection.execute(
            "UPDATE cost_sums SET allowed = max(allowed, cost - ?) + ?, refused_until = 0, question = ''"
            " WHERE scope = ? AND key = ? AND period = ?",
            (cap, allows, key.scope, key.key, key.period),
        )
    else:
        connection.execute(
            "UPDATE cost_sums SET refused_until = ?, question = '' WHERE scope = ? AND key = ? AND period = ?",
            (refused_until(key.period, now()), key.scope, key.key, key.period),
        )


def waits_for(connection: sqlite3.Connection, turn: int) -> Waiting:
    """Return the question that a turn waits for, or has waited for last."""
    row = connection.execute(
        "SELECT q.id, q.subject, q.decision, q.decided_by FROM budget_waits w JOIN questions q ON q.id = w.question"
        " WHERE w.turn_id = ?",
        (turn,),
    ).fetchone()
    return Waiting() if row is None else Waiting(*row)
