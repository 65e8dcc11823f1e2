"""Writes what follows from answers; the rules are in `bot.core.questions`. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.calls import CallState
from bot.core.inbox import at_slacks_time
from bot.core.questions import ask_person, call_question, suggestion
from bot.core.questions.ask_person import AskPerson
from bot.core.questions.call_input import InputQuestion
from bot.core.questions.call_question import CallQuestion
from bot.core.questions.click import Click, Settlement, Verdict
from bot.core.questions.decide import close, decide
from bot.core.questions.kinds import KINDS
from bot.core.questions.missed import MISSED
from bot.core.questions.question import Approval, CallInput, Decision, Question
from bot.core.questions.retry import PASSED, RETRY_TURN
from bot.core.questions.transition import CallStep, Instead, Transition
from bot.core.thread import person
from bot.core.transaction import Written
from bot.store.sqlite import (
    audit,
    budget_waits,
    follow_ups,
    grants,
    held_messages,
    parked_threads,
    question_audit,
    sign_in_waits,
    suggestions,
    undos,
)
from bot.store.sqlite.call_rows import CALL_COLUMNS, call_from
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, of_thread, touch, touch_all


def answer(connection: sqlite3.Connection, click: Click, redact: Sequence[str]) -> Settlement:
    """Let a click decide its question, if it may."""
    question = find(connection, click.question)
    if question is None:
        return Settlement(Verdict.UNKNOWN)
    transition = decide(question, click, now())
    if transition.verdict is Verdict.UNKNOWN:
        return Settlement(Verdict.UNKNOWN)
    suggested = click.kind == suggestion.SUGGESTION and transition.verdict is Verdict.SETTLED
    if suggested and suggestions.withdraw(connection, question):
        return Settlement(Verdict.ALREADY, question.thread_id, find(connection, question.id))
    if transition == Transition(transition.verdict):
        return Settlement(transition.verdict, question.thread_id, question)
    apply(connection, question, transition, redact)
    return Settlement(transition.verdict, question.thread_id, find(connection, question.id))


def end(connection: sqlite3.Connection, question: Question, how: str, *, by: str = "", reason: str = "") -> bool:
    """Close a question other than by an answer; return False if it is already decided."""
    transition = close(question, how, by=by, reason=reason)
    if transition is not None:
        apply(connection, question, transition, ())
    return transition is not None


def drift(connection: sqlite3.Connection, approval: str, words: str) -> None:
    """Reopen an approved call whose card no longer matches the current state, instead of running it."""
    found = find(connection, approval)
    transition = call_question.drifted(found, words) if isinstance(found, Approval) else None
    if found is not None and transition is not None:
        apply(connection, found, transition, ())


def written(connection: sqlite3.Connection, thread_id: int, by: Written | None) -> None:
    """Let a message answer the model's own questions that were asked before it came."""
    for each in of_thread(connection, thread_id) if by is not None else ():
        kind = KINDS[each.kind]
        if by is None or not isinstance(each, CallInput) or not isinstance(kind, AskPerson):
            continue
        if each.call.id in by.calls and ask_person.after(each) < by.message:
            apply(connection, each, kind.replaced(each, by.user), ())


def withdraw(connection: sqlite3.Connection, questions: Sequence[tuple[str, str]]) -> None:
    """Close open questions to which an answer would come too late: (question, why)."""
    for question, why in questions:
        found = find(connection, question)
        if found is not None:
            end(connection, found, Decision.WITHDRAWN, reason=why)


def pass_over(connection: sqlite3.Connection, thread_id: int) -> bool:
    """Close what is open about failed turns of a thread: another turn begins, or the request is gone. Return whether
    there was anything."""
    rows = connection.execute(
        "SELECT id FROM questions WHERE thread_id = ? AND decision = 'awaiting' AND kind = ?", (thread_id, RETRY_TURN)
    )
    found = [find(connection, str(id_)) for (id_,) in rows.fetchall()]
    closed = [end(connection, each, PASSED) for each in found if each is not None]
    return any(closed)


def stop(connection: sqlite3.Connection, thread_id: int, stopped_by: str) -> None:
    """Stop the open turn of a thread: no further call starts. `stopped_by`: who has stopped it, or why
    (`Turn.stopped_by`)."""
    user = person(stopped_by)
    connection.execute(
        "UPDATE turns SET stopped_by = ? WHERE thread_id = ? AND ended_at IS NULL AND stopped_by = ''",
        (stopped_by, thread_id),
    )
    left = (*budget_waits.leave(connection, thread_id), *sign_in_waits.leave(connection, thread_id))
    for each in (*of_thread(connection, thread_id), *left):
        end(connection, each, Decision.STOPPED, by=user)
    # Approved but not started, or waiting for a request that is not posted yet.
    rows = connection.execute(
        f"SELECT {CALL_COLUMNS} FROM calls"
        " WHERE turn_id = (SELECT id FROM turns WHERE thread_id = ? AND ended_at IS NULL)"
        " AND state IN ('ready', 'awaiting')",
        (thread_id,),
    )
    for call in map(call_from, rows.fetchall()):
        outcome, record = call_question.stopped(call, user)
        connection.execute("UPDATE calls SET state = 'finished', outcome = ? WHERE id = ?", (outcome, call.id))
        facts, actor = dict(record.facts), record.actor
        audit.record(connection, record.kind, thread_id=thread_id, call=call.id, actor=actor, facts=facts)
        touch_all(connection, call.id)


def apply(connection: sqlite3.Connection, question: Question, transition: Transition, redact: Sequence[str]) -> None:
    """Write what follows from a decision. `redact`: patterns of arguments that the audit leaves out."""
    _vote(connection, question, transition)
    _decide(connection, question, transition)
    if transition.grant is None and suggestion.suggests(question, transition.decision, transition.by):
        suggestions.look(connection, question)
    if transition.call is not None and isinstance(question, Approval | CallInput):
        _move(connection, question.call.id, transition.call)
        if transition.call.state is not CallState.AWAITING and isinstance(question, Approval):
            follow_ups.settle(connection, question)
    if transition.told is not None:
        call, exchange = transition.told
        connection.execute("UPDATE calls SET exchange = ? WHERE id = ? AND state = 'started'", (exchange, call))
    if transition.instead is not None:
        _replace(connection, question, transition.by, transition.instead, redact)
    if transition.stops_turn:
        stop(connection, question.thread_id, transition.stops_turn)
    if transition.undo_by and isinstance(question, Approval):
        undos.request(connection, question.call.id, transition.undo_by)
    for record in transition.records:
        question_audit.write(connection, question, record, redact)
    if transition.grant is not None:
        number = grants.keep(connection, question, transition.grant.grant)
        question_audit.write(connection, question, transition.grant.record, redact, more={"grant": number})
    if transition.revokes:
        grants.end(connection, transition.revokes, "revoked", transition.by)
        grants.redraw(connection, transition.revokes, question.thread_id)
    if transition.redraw:
        touch(connection, question.id)
    _go_on(connection, question, transition)


def _decide(connection: sqlite3.Connection, question: Question, transition: Transition) -> None:
    if not transition.decision:
        return
    connection.execute(
        "UPDATE questions SET decision = ?, decided_by = ?, decided_at = ?, reason = ? WHERE id = ? AND decision = ?",
        (transition.decision, transition.by, now(), transition.reason, question.id, question.decision),
    )
    if question.kind == MISSED:
        held_messages.decided(connection, question)


def _go_on(connection: sqlite3.Connection, question: Question, transition: Transition) -> None:
    """Write what makes the thread go on after a decision."""
    if transition.reopens:
        parked_threads.reopen(connection, transition.reopens)
    if transition.allows is not None:
        budget_waits.decided(connection, question, transition.allows)
    if transition.waiting is not None:
        sign_in_waits.settle(connection, question, transition.waiting)
    if transition.requests:
        held_messages.request(connection, question, transition)
    if transition.note:
        note(connection, question.thread_id, f"question-{question.id}", transition.note)
    if transition.resumes:
        parked_threads.release(connection, question.thread_id)


def _replace(
    connection: sqlite3.Connection, question: Question, by: str, instead: Instead, redact: Sequence[str]
) -> None:
    """Deny everything that waits in a thread: the first call is answered with what its requester wants instead."""
    quoted = follow_ups.taken(connection, question, instead.said)
    words = "\n".join(each.words for each in instead.said)
    there = of_thread(connection, question.thread_id)
    asked = [each for each in there if isinstance(each, Approval)]
    for each in sorted(asked, key=lambda each: each.call.position):
        kind = KINDS[each.kind]
        if isinstance(kind, CallQuestion):
            closed = kind.replaced(each, by, words, quoted)
            apply(connection, each, closed, redact)
            quoted = "" if closed.call and closed.call.result is not None else quoted
    for each in there:
        kind = KINDS[each.kind]
        if isinstance(kind, InputQuestion):
            apply(connection, each, kind.replaced(each, by), redact)
    follow_ups.deny_unasked(connection, question.thread_id)


def _vote(connection: sqlite3.Connection, question: Question, transition: Transition) -> None:
    for user in transition.lapsed:
        connection.execute("DELETE FROM votes WHERE question = ? AND user = ?", (question.id, user))
    if transition.vote:
        connection.execute(
            "INSERT OR IGNORE INTO votes (question, user, at) VALUES (?, ?, ?)", (question.id, transition.vote, now())
        )
    if transition.needed:
        connection.execute("UPDATE questions SET needed = ? WHERE id = ?", (transition.needed, question.id))


def _move(connection: sqlite3.Connection, call: int, step: CallStep) -> None:
    """Move a call to its next state, if it still waits for people."""
    connection.execute(
        "UPDATE calls SET state = ?, outcome = ?, result = coalesce(?, result), exchange = coalesce(?, exchange)"
        " WHERE id = ? AND state IN ('awaiting', 'unknown')",
        (step.state, step.outcome, step.result, step.exchange, call),
    )
    if step.arguments:
        connection.execute(
            "UPDATE calls SET original = CASE original WHEN '' THEN arguments ELSE original END, arguments = ?,"
            " editors = ? WHERE id = ? AND state = 'awaiting'",
            (step.arguments, " ".join(step.editors), call),
        )


def note(connection: sqlite3.Connection, thread_id: int, key: str, words: str, at: str = "") -> None:
    """Add a note that the model reads at its next turn, once per key: behind what was written until `at`, a timestamp
    of Slack's, if there is one."""
    connection.execute(
        "INSERT OR IGNORE INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at)"
        " VALUES (?, ?, ?, '', ?, '[]', 0, ?)",
        (thread_id, key, at_slacks_time(at, now()), words, now()),
    )
