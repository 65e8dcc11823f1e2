"""The question whether to deny the open requests and do what their requester wrote since, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core.calls import INSTEAD as RESULT
from bot.core.calls import CallOutcome, CallState
from bot.core.posts import Draft
from bot.core.questions import follow_up
from bot.core.questions.call_input import InputQuestion
from bot.core.questions.call_question import CallQuestion
from bot.core.questions.click import Settlement
from bot.core.questions.follow_up import FOLLOW_UP, INSTEAD, OPEN, OVER, FollowUp
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Approval, Decision, Question
from bot.core.questions.transition import Said
from tests.extending.memory import asking, hearing
from tests.extending.memory.tables import Tables, now


def offer(tables: Tables, thread: int, written: FollowUp) -> None:
    """Ask whether to do what was written, once for a step."""
    id_ = follow_up.question_id(thread, written.seq)
    row = tables.questions.get(id_)
    if row is not None and row.question.decision in OPEN:
        if not written.said:
            _decide(tables, id_, OVER)
        elif row.question.body != follow_up.body(written.said):
            _write(tables, id_, written.said)
        return
    asked = open_approvals(tables, thread)
    if not asked or not written.said:
        return
    question = follow_up.question(thread, written, follow_up.deciders(asked))
    if row is None:
        asking.insert(tables, question, asking.owe(tables, thread, [Draft(id_, FOLLOW_UP, "{}")]))
        return
    key = f"{id_}-{written.said[-1].id}-{now()}"
    post = asking.owe(tables, thread, [Draft(key, FOLLOW_UP, "{}")])
    tables.questions[id_] = replace(row, post=post, question=replace(row.question, people=question.people))
    _write(tables, id_, written.said)


def answered(tables: Tables, settlement: Settlement) -> None:
    """Write what follows from an answer to any question."""
    question = settlement.question
    if question is not None and question.kind == FOLLOW_UP and question.decision == INSTEAD:
        _replace(tables, question)
    settle(tables)


def settle(tables: Tables) -> None:
    """Close the questions of steps of which nothing waits any more."""
    for id_, row in list(tables.questions.items()):
        question = row.question
        if question.kind == FOLLOW_UP and question.decision in OPEN and not open_approvals(tables, question.thread_id):
            _decide(tables, id_, OVER)


def open_approvals(tables: Tables, thread: int) -> list[Approval]:
    """The requests of a thread that wait."""
    found = [asking.find(tables, id_) for id_, row in tables.questions.items() if row.question.thread_id == thread]
    return [each for each in found if isinstance(each, Approval) and each.decision == Decision.AWAITING]


def _replace(tables: Tables, question: Question) -> None:
    said, asked = follow_up.said(question), open_approvals(tables, question.thread_id)
    quoted = _taken(tables, asked, said)
    hearing.answered(tables, question.thread_id, {question.requester} if quoted else ())
    for each in sorted(asked, key=lambda each: each.call.position):
        kind = KINDS[each.kind]
        if isinstance(kind, CallQuestion):
            closed = kind.replaced(each, question.decided_by, "\n".join(one.words for one in said), quoted)
            asking.apply(tables, each, closed)
            quoted = "" if closed.call and closed.call.result is not None else quoted
    for id_, row in list(tables.questions.items()):
        kind, each = KINDS[row.question.kind], asking.find(tables, id_)
        there = each is not None and each.thread_id == question.thread_id and each.decision == Decision.AWAITING
        if isinstance(kind, InputQuestion) and each is not None and there:
            asking.apply(tables, each, kind.replaced(each, question.decided_by))
    for number, row in list(tables.calls.items()):
        if row.thread == question.thread_id and row.call.state is CallState.AWAITING:
            denied = replace(row.call, state=CallState.FINISHED, outcome=CallOutcome.DENIED, result=RESULT)
            tables.calls[number] = replace(row, call=denied)


def _taken(tables: Tables, asked: Sequence[Approval], said: Sequence[Said]) -> str:
    """Mark messages as read with the first result. Out: what the model reads."""
    if not asked:
        return ""
    first = min(asked, key=lambda each: each.call.position).call
    quoted: list[str] = []
    for each in said:
        row = tables.inbox.get(each.id)
        if row is not None and row.position is None and row.unread.version == each.version and row.unread.addressed:
            unread = replace(row.unread, notified=True)
            tables.inbox[each.id] = replace(row, position=first.seq + 1 + first.position, unread=unread)
            quoted.append(each.quoted)
    return "\n".join(quoted)


def _write(tables: Tables, id_: str, said: Sequence[Said]) -> None:
    row = tables.questions[id_]
    question = replace(row.question, body=follow_up.body(said), decision=Decision.AWAITING, decided_by="")
    tables.questions[id_] = replace(row, question=question)
    asking.redraw(tables, [row.post])


def _decide(tables: Tables, id_: str, decision: str) -> None:
    row = tables.questions[id_]
    tables.questions[id_] = replace(row, question=replace(row.question, decision=decision, decided_at=now()))
    asking.redraw(tables, [row.post])
