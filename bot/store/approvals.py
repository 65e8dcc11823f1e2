"""Requests to people: asked, settled once, drawn. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.thread import (
    ANSWERS,
    Approval,
    CallOutcome,
    CallState,
    Click,
    Decision,
    Question,
    Settlement,
    Verdict,
)
from bot.store.database import now
from bot.store.log import CALL_COLUMNS, call_from

APPROVAL_COLUMNS = "id, question, digest, requester, decision, decided_by, decided_at, expires_at"


def ask(connection: sqlite3.Connection, thread_id: int, approval: Approval, post: int) -> None:
    """Record a request whose card is that post."""
    connection.execute(
        "INSERT INTO approvals (id, thread_id, call, post, question, digest, requester, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            approval.id,
            thread_id,
            approval.call.id,
            post,
            approval.question,
            approval.digest,
            approval.requester,
            now(),
            approval.expires_at,
        ),
    )


def settle(connection: sqlite3.Connection, click: Click) -> Settlement:
    """Let a click decide, if it may. The first valid click wins; whatever is checked is checked here, in the
    transaction that decides."""
    row = connection.execute(
        "SELECT a.thread_id, a.call, a.question, a.digest, a.requester, a.decision, a.decided_by, a.expires_at,"
        " t.team, t.channel, p.ts FROM approvals a JOIN threads t ON t.id = a.thread_id JOIN posts p ON p.id = a.post"
        " WHERE a.id = ?",
        (click.approval,),
    ).fetchone()
    if row is None:
        return Settlement(Verdict.UNKNOWN)
    thread_id, call, question, digest, requester, decision, decided_by, expires_at, team, channel, ts = row
    # A card that was clicked before its own timestamp was recorded (a crash in between) has none yet: the id, which
    # is only on that card, and the channel identify it.
    if (
        (click.team, click.channel, click.digest) != (team, channel, digest)
        or (ts and ts != click.message_ts)
        or click.decision not in ANSWERS[Question(question)]
    ):
        return Settlement(Verdict.UNKNOWN)
    if click.user != requester:
        return Settlement(Verdict.NOT_YOURS, thread_id, requester, Decision(decision), decided_by)
    choice = click.decision if now() < expires_at else Decision.EXPIRED
    changed = connection.execute(
        "UPDATE approvals SET decision = ?, decided_by = ?, decided_at = ? WHERE id = ? AND decision = 'awaiting'",
        (choice, click.user if choice is click.decision else "", now(), click.approval),
    ).rowcount
    if not changed:
        return Settlement(Verdict.ALREADY, thread_id, requester, Decision(decision), decided_by)
    apply(connection, call, Question(question), choice)
    verdict = Verdict.SETTLED if choice is click.decision else Verdict.ALREADY
    return Settlement(verdict, thread_id, requester, choice, click.user)


_EXPIRED = {Question.MAY_IT_RUN: CallOutcome.EXPIRED, Question.DID_IT_RUN: CallOutcome.UNRESOLVED}
"""What nobody allowed has not run; what may have run may have run."""
_WITHDRAWN = {Question.MAY_IT_RUN: CallOutcome.UNSHOWN, Question.DID_IT_RUN: CallOutcome.UNRESOLVED}


def apply(connection: sqlite3.Connection, call: int, question: Question, choice: Decision) -> None:
    """Move the call to where the decision puts it; the result for the model is written by the agent."""
    state, outcome = {
        Decision.APPROVED: (CallState.READY, None),
        Decision.RUN_AGAIN: (CallState.READY, None),
        Decision.DENIED: (CallState.FINISHED, CallOutcome.DENIED),
        Decision.EXPIRED: (CallState.FINISHED, _EXPIRED[question]),
        Decision.WITHDRAWN: (CallState.FINISHED, _WITHDRAWN[question]),
        Decision.IT_RAN: (CallState.FINISHED, CallOutcome.ASSUMED),
        Decision.SKIPPED: (CallState.FINISHED, CallOutcome.SKIPPED),
    }[choice]
    connection.execute(
        "UPDATE calls SET state = ?, outcome = ? WHERE id = ? AND state IN ('awaiting', 'unknown')",
        (state, outcome, call),
    )


def withdraw(connection: sqlite3.Connection, approval: str) -> None:
    """Close a request that cannot be shown, with its card."""
    row = connection.execute(
        "SELECT call, question, post FROM approvals WHERE id = ? AND decision = 'awaiting'", (approval,)
    ).fetchone()
    if row is None:
        return
    call, question, post = row
    connection.execute(
        "UPDATE approvals SET decision = 'withdrawn', drawn = 'withdrawn', decided_at = ? WHERE id = ?",
        (now(), approval),
    )
    connection.execute("UPDATE posts SET state = 'refused' WHERE id = ? AND state = 'owed'", (post,))
    apply(connection, call, Question(question), Decision.WITHDRAWN)


def expire(connection: sqlite3.Connection) -> list[int]:
    """Close every request whose time is over; returns the threads concerned."""
    rows = connection.execute(
        "SELECT id, thread_id, call, question FROM approvals WHERE decision = 'awaiting' AND expires_at <= ?", (now(),)
    ).fetchall()
    for approval, _, call, question in rows:
        connection.execute(
            "UPDATE approvals SET decision = 'expired', decided_at = ? WHERE id = ? AND decision = 'awaiting'",
            (now(), approval),
        )
        apply(connection, call, Question(question), Decision.EXPIRED)
    return sorted({int(row[1]) for row in rows})


def approval_from(row: Sequence[object]) -> Approval:
    """A request from the columns of APPROVAL_COLUMNS, its channel, and the columns of its call."""
    id_, question, digest, requester, decision, decided_by, decided_at, expires_at, channel, *call = row
    return Approval(
        id=str(id_),
        question=Question(str(question)),
        digest=str(digest),
        requester=str(requester),
        call=call_from(call),
        channel=str(channel),
        decision=Decision(str(decision)),
        decided_by=str(decided_by),
        decided_at=float(str(decided_at)),
        expires_at=float(str(expires_at)),
    )


def find(connection: sqlite3.Connection, approval: str) -> Approval | None:
    """The request with its call."""
    row = connection.execute(_SELECT + " WHERE a.id = ?", (approval,)).fetchone()
    return None if row is None else approval_from(row[:-1])


def undrawn(connection: sqlite3.Connection, thread_id: int) -> list[tuple[Approval, str]]:
    """Decided requests whose card still shows buttons, with the card's timestamp."""
    rows = connection.execute(
        _SELECT + " WHERE a.thread_id = ? AND a.drawn <> a.decision AND p.state = 'posted' ORDER BY p.id", (thread_id,)
    )
    return [(approval_from(row[:-1]), str(row[-1])) for row in rows]


def drawn(connection: sqlite3.Connection, approval: str, decision: Decision) -> None:
    """The card now shows this decision."""
    connection.execute("UPDATE approvals SET drawn = ? WHERE id = ?", (decision, approval))


def _prefixed(prefix: str, columns: str) -> str:
    return ", ".join(f"{prefix}.{name.strip()}" for name in columns.split(","))


_SELECT = (
    "SELECT "
    f"{_prefixed('a', APPROVAL_COLUMNS)}, t.channel, {_prefixed('c', CALL_COLUMNS)}, p.ts FROM approvals a"
    " JOIN calls c ON c.id = a.call JOIN posts p ON p.id = a.post JOIN threads t ON t.id = a.thread_id"
)
