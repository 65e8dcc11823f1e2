"""Writes one change of a thread: log, calls, requests, posts, audit. Inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.inbox import Unread
from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval, CallInput, Card, Decision
from bot.core.thread import ThreadState, Turn, person
from bot.core.transaction import Change
from bot.errors import ChangedError
from bot.store.sqlite import (
    audit,
    budget_waits,
    call_rows,
    compactions,
    costs,
    follow_ups,
    held_messages,
    log,
    parked_threads,
    posts,
    question_audit,
    questions,
    server_news,
    sign_in_waits,
    thread_models,
    transitions,
    undos,
)
from bot.store.sqlite.question_rows import touch_all


def apply(
    connection: sqlite3.Connection, state: ThreadState, change: Change, redact: Sequence[str]
) -> tuple[int, list[Unread], str, bool]:
    """Write a change to the thread that `state` describes. Out: the turn's id, the unread messages, who has stopped the
    turn, and whether the change was written."""
    start = state.next_position
    turn_id = state.turn.id if state.turn else 0
    if change.unless_stopped and state.turn and (by := log.stopped_by(connection, turn_id)):
        log.save_turn(connection, state.turn, change.usage)
        _spend(connection, state.turn, change)
        return turn_id, log.unread(connection, state.id), by, False
    if change.requester:
        if log.has_open_turn(connection, state.id):  # somebody has stopped it before it began
            raise ChangedError("a turn is open in this thread")
        held_messages.settle(connection, state.id)
        turn_id = log.open_turn(connection, state.id, change.requester, start)
        transitions.pass_over(connection, state.id)
    log.append(connection, state.id, turn_id, start, change.messages)
    unread = {message.id: (message.version, message.addressed) for message in state.unread}
    log.mark_read(connection, [(start + index, id_, *unread.get(id_, ("", True))) for index, id_ in change.read])
    log.mark_notified(connection, change.notified)
    held_messages.answered(connection, state.id, change.speakers)
    stopped_by = log.stopped_by(connection, turn_id)
    for call in change.new_calls:
        call.id = call_rows.insert(connection, state.id, turn_id, _unless_stopped(call, stopped_by), change.request)
    moved = [*change.new_calls, *call_rows.save(connection, change.calls)]
    for call in moved:
        _record(connection, state, call, redact)
    posts.owe(connection, state.id, change.drafts)
    for approval, words in change.drifted:
        transitions.drift(connection, approval, words)
    transitions.written(connection, state.id, change.written)
    transitions.withdraw(connection, change.withdrawn)
    for card in change.cards:
        _ask(connection, state.id, card, redact, stopped_by)
    _wait(connection, state.id, turn_id, change, redact, stopped_by=stopped_by)
    _keep_undos(connection, change)
    for call in moved:
        if call.approval and call.state in (CallState.UNKNOWN, CallState.FINISHED):
            touch_all(connection, call.id)
    _count(connection, state, change)
    return turn_id, log.unread(connection, state.id), stopped_by, True


def _wait(
    connection: sqlite3.Connection,
    thread_id: int,
    turn_id: int,
    change: Change,
    redact: Sequence[str],
    *,
    stopped_by: str,
) -> None:
    """Record what the thread waits for besides answers about its calls, and ask people for it."""
    if change.follow_up is not None and not stopped_by:
        follow_ups.offer(connection, thread_id, change.follow_up)
    posts.owe_copies(connection, thread_id, None, change.direct)
    server_news.wait(connection, thread_id, change.unavailable)
    if change.wait is not None and not stopped_by:
        budget_waits.wait(
            connection, turn_id, thread_id, change.wait, lambda card: _ask(connection, thread_id, card, redact, "")
        )
    if change.sign_in is not None:
        sign_in_waits.wait(
            connection,
            thread_id,
            change.sign_in,
            lambda card: _ask(connection, thread_id, card, redact, ""),
            stopped=bool(stopped_by),
        )


def _keep_undos(connection: sqlite3.Connection, change: Change) -> None:
    """Keep what calls that begin will change, and offer to undo those that have ended well."""
    for call, before in change.befores:
        if call.state is CallState.STARTED:
            undos.keep(connection, call, before)
    for call, after, until in change.afters:
        undos.offer(connection, call, after, until)


def _count(connection: sqlite3.Connection, state: ThreadState, change: Change) -> None:
    """Write the counters of the turn, what was offered to the model, and what it reads from now on."""
    if change.functions[0] and change.functions[0] != state.functions:
        log.save_functions(connection, state.id, *change.functions)
    if change.asked is not None and state.turn is not None:
        thread_models.asked(connection, state.id, state.turn.id, change.asked)
    if change.compaction is not None:
        compactions.record(connection, state.id, change.compaction)
    if change.measured is not None:
        compactions.measure(connection, state.id, change.measured)
    parked_threads.changed(connection, state.id, change)
    if state.turn is not None:
        log.save_turn(connection, state.turn, change.usage, change.outcome or None)
        _spend(connection, state.turn, change)


def _spend(connection: sqlite3.Connection, turn: Turn, change: Change) -> None:
    """Record what requests to the model have cost."""
    costs.record(connection, turn.id, change.costs or costs.as_one(change.usage, turn.model))


def _unless_stopped(call: Call, stopped_by: str) -> Call:
    """In a turn that was stopped no call starts any more."""
    if stopped_by and call.state is not CallState.FINISHED:
        call.state, call.outcome, call.attempts = CallState.FINISHED, CallOutcome.STOPPED, 0
    return call


def _ask(connection: sqlite3.Connection, thread_id: int, card: Card, redact: Sequence[str], stopped_by: str) -> None:
    """Record a question to people. In a stopped turn nobody is asked: the card only says how the call ended."""
    questions.ask(connection, thread_id, card, redact)
    for question in card.questions if stopped_by else ():
        transitions.end(connection, question, Decision.STOPPED, by=person(stopped_by))
        if isinstance(question, Approval | CallInput):
            call_rows.renew(connection, question.call)


def _record(connection: sqlite3.Connection, state: ThreadState, call: Call, redact: Sequence[str]) -> None:
    """Record in the audit that a call was handed to a server, or how it ended; requests and decisions have records of
    their own."""
    if call.state not in (CallState.STARTED, CallState.FINISHED):
        return
    facts: JsonObject = {"tool": call.tool}
    if call.state is CallState.STARTED:
        facts |= {"attempt": call.attempts}
        if call.approval:
            facts["digest"] = call.approved_digest
        else:
            facts |= {"why": call.why, "arguments": question_audit.arguments(call.arguments, call.tool, redact)}
    else:
        facts |= {"outcome": str(call.outcome), "seconds": round(call.seconds, 3)}
        if call.outcome is CallOutcome.REFUSED and not call.approval:
            facts["arguments"] = question_audit.arguments(call.arguments, call.tool, redact)
    audit.record(
        connection,
        call.state.value,
        thread_id=state.id,
        call=call.id,
        approval=call.approval,
        actor=state.turn.requester if state.turn else "",
        facts=facts,
    )
