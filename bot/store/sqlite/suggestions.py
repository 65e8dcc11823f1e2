"""Looks for a standing grant to suggest once a request is approved, and whether the suggestion still holds. Functions
on a connection, inside a transaction."""

from __future__ import annotations

import sqlite3

from bot.core.questions import suggestion
from bot.core.questions.question import Decision, Question
from bot.core.questions.suggestion import LOOK_BACK_SECONDS, LOOKED_AT, PastDecision
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import touch


def look(connection: sqlite3.Connection, question: Question) -> None:
    """Record a grant to suggest with a request that its requester has just approved, if there is one."""
    body = suggestion.after(question.body, _past(connection, question))
    if body:
        connection.execute("UPDATE questions SET body = ? WHERE id = ?", (body, question.id))


def withdraw(connection: sqlite3.Connection, question: Question) -> bool:
    """Remove a suggestion that no longer holds; return whether there was one."""
    body = suggestion.withdrawn(question.body, _past(connection, question))
    if body:
        connection.execute("UPDATE questions SET body = ? WHERE id = ?", (body, question.id))
        touch(connection, question.id)
    return bool(body)


def _past(connection: sqlite3.Connection, question: Question) -> list[PastDecision]:
    """Return what was decided about calls of the tool of a request that its requester has asked for."""
    about = connection.execute(
        "SELECT c.tool, c.tool_digest FROM questions q JOIN calls c ON c.id = q.call WHERE q.id = ?", (question.id,)
    ).fetchone()
    # These are few: people decided each of them by hand.
    rows = connection.execute(
        "SELECT q.decision, q.decided_by, q.body FROM questions q CROSS JOIN calls c ON c.id = q.call"
        " JOIN threads t ON t.id = q.thread_id WHERE q.kind = 'may_it_run' AND q.requester = ? AND q.decided_at > ?"
        " AND q.decision IN ('approved', 'denied') AND (c.tool, c.tool_digest, t.team) = (?, ?, ?)"
        " ORDER BY q.decided_at DESC LIMIT ?",
        (question.requester, now() - LOOK_BACK_SECONDS, *about, question.team, LOOKED_AT),
    ).fetchall()
    found: list[PastDecision] = []
    for decision, decided_by, body in rows:
        approved, own = decision == Decision.APPROVED, decided_by == question.requester
        if own or not approved:
            found.append(PastDecision(approved, suggestion.loads(str(body)), by_others=not own))
    return found
