"""Questions in memory: what `bot.core.questions.decide` says is written, and nothing else is decided here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from bot.core.calls import CallState
from bot.core.inbox import Unread, at_slacks_time
from bot.core.outages import Hold
from bot.core.posts import Draft, Post, PostState
from bot.core.questions import ask_person, call_question, granted, suggestion
from bot.core.questions.ask_person import AskPerson
from bot.core.questions.click import Click, Settlement, Verdict
from bot.core.questions.decide import close, decide
from bot.core.questions.kinds import KINDS
from bot.core.questions.missed import MISSED, AnswerMissed
from bot.core.questions.question import (
    PARTICIPANTS,
    Approval,
    CallInput,
    Card,
    Copy,
    Decision,
    Question,
    Undo,
    UndoState,
)
from bot.core.questions.retry import PASSED, RETRIED, RETRY_TURN
from bot.core.questions.suggestion import PastDecision
from bot.core.questions.transition import CallStep, Record, Transition
from bot.core.thread import person
from bot.core.transaction import Written
from bot.core.turn_message import TURN, first_key, loads
from bot.errors import StoreError
from tests.extending.memory import budgets, signing
from tests.extending.memory.tables import Asked, GrantRow, Message, Tables, now


def owe(tables: Tables, thread: int, drafts: Iterable[Draft]) -> int:
    """Record drafts. Out: the number of the last."""
    number = 0
    for draft in drafts:
        post = next((each for each in tables.posts.values() if each.key == draft.key), None)
        if post is None:
            number, state = len(tables.posts) + 1, PostState.REMOVED if tables.threads[thread].gone else PostState.OWED
            tables.posts[number] = Post(
                number, thread, draft.key, draft.kind, draft.payload, state, final=draft.final, created_at=now()
            )
        elif not post.final and not draft.offered:
            number = post.id
            post = replace(post, payload=draft.payload, final=draft.final, revision=post.revision + 1)
            closed = post.kind == TURN and post.state in (PostState.REMOVED, PostState.REFUSED)
            if closed and not tables.threads[thread].gone:
                post = replace(post, state=PostState.OWED, ts="")
            tables.posts[number] = post
    return number


def owe_copies(tables: Tables, thread: int, card: int, copies: Iterable[tuple[str, Draft]]) -> None:
    """Record copies of a card, one a person."""
    for who, draft in copies:
        if all(each.key != draft.key for each in tables.posts.values()):
            number = owe(tables, thread, [draft])
            tables.posts[number] = replace(tables.posts[number], person=who)
            if card:
                tables.copies[number] = card


def redraw(tables: Tables, posts: Iterable[int]) -> None:
    found = set(posts)
    for post in found | {copy for copy, card in tables.copies.items() if card in found}:
        tables.posts[post] = replace(tables.posts[post], revision=tables.posts[post].revision + 1)


def newest_part(tables: Tables, turn: int) -> int:
    """The number of the newest part of a turn's message; 0 if there is none."""
    parts = [post for post in tables.posts.values() if post.kind == TURN and post.key.startswith(first_key(turn))]
    return max(parts, key=lambda post: post.key).id if parts else 0


def redraw_ledger(tables: Tables, call: int) -> None:
    """Draw the message of a call's turn again, if it has a ledger."""
    newest = newest_part(tables, tables.calls[call].turn)
    if newest and loads(tables.posts[newest].payload).ledger is not None:
        redraw(tables, [newest])


def about_call(tables: Tables, call: int) -> list[int]:
    """The messages about a call."""
    rows = tables.questions.values()
    found = [(row.post, row.question) for row in rows]
    return [post for post, each in found if isinstance(each, Approval | CallInput) and each.call.id == call]


def note(tables: Tables, thread: int, event: str, text: str, at: str = "") -> None:
    """The model reads this at its next turn."""
    if all(row.event != event for row in tables.inbox.values()):
        number = max(tables.inbox, default=0) + 1
        tables.inbox[number] = Message(
            thread, event, Unread(number, "", at_slacks_time(at, now()), text, (), addressed=False)
        )


def ask(tables: Tables, thread: int, card: Card) -> None:
    post = _edited(tables, card)
    if post:
        owe(tables, thread, card.drafts[:-1])
        redraw(tables, [post])
        asked = {tables.posts[copy].person for copy, of in tables.copies.items() if of == post}
        copies = [(who, draft) for who, draft in card.copies if who not in asked]
        owe_copies(tables, thread, post, copies)
        owe(tables, thread, card.notes if copies else ())
    else:
        post = owe(tables, thread, card.drafts)
        owe_copies(tables, thread, post, card.copies)
        owe(tables, thread, card.notes)
    for question in card.questions:
        insert(tables, question, post)
        if question.decision == Decision.AWAITING:
            _record(tables, question, KINDS[question.kind].requested(question))


def _edited(tables: Tables, card: Card) -> int:
    """The message that this card takes the place of, because an edit has closed its question; 0 if there is none."""
    [*_, about] = card.questions
    if len(card.questions) > 1 or not isinstance(about, Approval):
        return 0
    rows = [row for row in tables.questions.values() if isinstance(row.question, Approval)]
    earlier = [row for row in rows if isinstance(row.question, Approval) and row.question.call.id == about.call.id]
    if not earlier or earlier[-1].question.decision != Decision.EDITED:
        return 0
    there = tables.posts[earlier[-1].post].state in (PostState.OWED, PostState.POSTED)
    return earlier[-1].post if there else 0


def _record(tables: Tables, question: Question, record: Record) -> None:
    call = question.call.id if isinstance(question, Approval | CallInput) and not record.of_thread else 0
    about = "" if record.of_thread else question.id
    facts = dict(record.facts)
    tables.record(question.thread_id, record.kind, record.actor, call=call, approval=about, facts=facts)


def insert(tables: Tables, question: Question, post: int) -> None:
    if question.id in tables.questions:
        raise StoreError(f"{question.id} is there")
    if isinstance(question, Approval | CallInput):
        asked = [row.question for row in tables.questions.values() if row.question.decision == Decision.AWAITING]
        if any(isinstance(each, Approval | CallInput) and each.call.id == question.call.id for each in asked):
            raise StoreError("people are being asked about this call")
        question = replace(question, call=replace(question.call))
    tables.questions[question.id] = Asked(question, post, checked_at=now() if isinstance(question, Approval) else 0.0)


def of_message(tables: Tables, id_: str) -> list[Question]:
    """The questions of the message that a question is in, the versions of one call one after the other."""
    row = tables.questions.get(id_)
    found = [find(tables, each) for each, other in tables.questions.items() if row and other.post == row.post]
    known = [each for each in found if each is not None]
    first: dict[str, int] = {}
    for number, each in enumerate(known):
        first.setdefault(_about(each), number)
    return sorted(known, key=lambda each: (first[_about(each)], each.decided_at or math.inf))


def _about(question: Question) -> str:
    return str(question.call.id) if isinstance(question, Approval) else question.id


def find(tables: Tables, id_: str) -> Question | None:
    """A question as it stands."""
    row = tables.questions.get(id_)
    if row is None:
        return None
    place, post, question = tables.threads[row.question.thread_id].place, tables.posts[row.post], row.question
    copies = [tables.posts[copy] for copy, card in tables.copies.items() if card == row.post]
    gone = (PostState.REFUSED, PostState.REMOVED)
    seen = tuple(Copy(each.person, each.channel, each.ts, refused=each.state in gone) for each in copies)
    question = replace(question, team=place.team, channel=place.channel, message_ts=post.ts, copies=seen)
    if PARTICIPANTS in question.people:
        question = replace(question, participants=_participants(tables, question.thread_id))
    if isinstance(question, CallInput):
        return replace(question, call=tables.calls[question.call.id].call)
    if not isinstance(question, Approval):
        return question
    call = replace(tables.calls[question.call.id].call, arguments=question.call.arguments)
    kept = tables.undos.get(call.id)
    undo = Undo(kept.state, kept.until, kept.by, kept.words) if kept and kept.approval == id_ else None
    if question.kind == granted.GRANTED:
        under = tables.grants.get(granted.loads(question.body).grant)
        return replace(question, call=call, undo=undo, grant=under.grant if under else None)
    given = [row.grant for row in tables.grants.values() if row.approval == id_]
    return replace(question, call=call, undo=undo, grant=given[0] if given else None)


def _participants(tables: Tables, thread: int) -> frozenset[str]:
    turn = tables.turns.get(tables.open_turn(thread))
    said = [row for row in tables.inbox.values() if row.thread == thread and row.unread.addressed and row.unread.user]
    people = {row.unread.user for row in said if row.position is None or (turn and row.position >= turn.first)}
    return frozenset(people | ({turn.turn.requester} if turn else set()))


def answer(tables: Tables, click: Click) -> Settlement:
    question = find(tables, click.question)
    transition = decide(question, click, now()) if question else Transition(Verdict.UNKNOWN)
    if question is None or transition.verdict is Verdict.UNKNOWN:
        return Settlement(Verdict.UNKNOWN)
    if click.kind == suggestion.SUGGESTION and transition.verdict is Verdict.SETTLED:
        row = tables.questions[question.id]
        if body := suggestion.withdrawn(question.body, _past(tables, row.question)):
            tables.questions[question.id] = replace(row, question=replace(row.question, body=body))
            redraw(tables, [row.post])
            return Settlement(Verdict.ALREADY, question.thread_id, find(tables, question.id))
    apply(tables, question, transition)
    return Settlement(transition.verdict, question.thread_id, find(tables, question.id))


def end(tables: Tables, question: str, how: str, by: str = "", reason: str = "") -> bool:
    found = find(tables, question)
    transition = close(found, how, by=by, reason=reason) if found else None
    if found and transition:
        apply(tables, found, transition)
    return transition is not None


def written(tables: Tables, thread: int, by: Written | None) -> None:
    """Let a message answer the model's own questions that were asked before it came."""
    for id_, row in list(tables.questions.items()) if by else ():
        kind, each = KINDS[row.question.kind], find(tables, id_)
        if each is None or by is None or each.thread_id != thread or each.decision != Decision.AWAITING:
            continue
        named = isinstance(each, CallInput) and each.call.id in by.calls and ask_person.after(each) < by.message
        if isinstance(kind, AskPerson) and named:
            apply(tables, each, kind.replaced(each, by.user))


def drift(tables: Tables, approval: str, words: str) -> None:
    found = find(tables, approval)
    if isinstance(found, Approval) and (transition := call_question.drifted(found, words)):
        apply(tables, found, transition)


def apply(tables: Tables, question: Question, transition: Transition) -> None:
    """Write what follows from an answer."""
    row = tables.questions[question.id]
    votes = [user for user in row.question.votes if user not in transition.lapsed]
    if transition.vote and transition.vote not in votes:
        votes.append(transition.vote)
    stands = replace(row.question, votes=tuple(votes), needed=transition.needed or row.question.needed)
    if transition.decision:
        stands = replace(stands, decided_by=transition.by, decided_at=now(), reason=transition.reason)
        decision = Decision(transition.decision) if isinstance(stands, Approval) else transition.decision
        stands = replace(stands, decision=decision)
    tables.questions[question.id] = replace(row, question=stands)
    if transition.decision and question.kind == MISSED:
        for number, each in list(tables.inbox.items()):
            asked = each.held == Hold.ASKED and each.unread.user in question.people and not each.gone
            if asked and each.thread in AnswerMissed().threads(question):
                tables.inbox[number] = replace(each, held=Hold.DONE)
    if transition.grant is None and suggestion.suggests(question, transition.decision, transition.by):
        kept = tables.questions[question.id]
        body = suggestion.after(question.body, _past(tables, question))
        tables.questions[question.id] = replace(kept, question=replace(kept.question, body=body or question.body))
    if isinstance(question, CallInput) and transition.call is not None:
        _move(tables, question.call.id, transition.call)
    if transition.told is not None:
        call, exchange = transition.told
        if (told := tables.calls[call]).call.state is CallState.STARTED:
            tables.calls[call] = replace(told, call=replace(told.call, exchange=exchange))
    if isinstance(question, Approval):
        if transition.call is not None:
            _move(tables, question.call.id, transition.call)
        kept = tables.undos.get(question.call.id)
        if transition.undo_by and kept and kept.state is UndoState.OFFERED:
            tables.undos[question.call.id] = replace(kept, state=UndoState.UNDOING, by=transition.undo_by)
            redraw_ledger(tables, question.call.id)
    if transition.stops_turn:
        stop(tables, question.thread_id, transition.stops_turn)
    for record in transition.records:
        _record(tables, question, record)
    if transition.grant is not None:
        number = len(tables.grants) + 1
        grant = replace(transition.grant.grant, id=number, created_at=now())
        tables.grants[number] = GrantRow(question.team, grant, question.id)
        _record(tables, question, transition.grant.record)
    if transition.revokes:
        end_grant(tables, transition.revokes, "revoked", transition.by)
        given = tables.questions[tables.grants[transition.revokes].approval]
        redraw(tables, [given.post] if given.question.thread_id == question.thread_id else [])
    if transition.redraw:
        redraw(tables, [row.post])
    for thread in transition.requests:
        _request(tables, thread, question.id, transition)
    if transition.note:
        note(tables, question.thread_id, f"question-{question.id}", transition.note)
    if transition.resumes:
        release(tables, question.thread_id)
    if transition.allows is not None:
        budgets.decided(tables, question, transition.allows)
    if transition.waiting is not None:
        signing.settle(tables, question, transition.waiting)
    if transition.reopens:
        failed = tables.turns[transition.reopens]
        tables.turns[transition.reopens] = replace(failed, ended="", turn=replace(failed.turn, attempts=0))


def _past(tables: Tables, question: Question) -> list[PastDecision]:
    """What was decided about calls of the same tool that the same person has asked for, the newest first."""
    assert isinstance(question, Approval)
    found: list[Approval] = []
    for row in tables.questions.values():
        other = row.question
        if not isinstance(other, Approval) or other.kind != question.kind or other.requester != question.requester:
            continue
        same = (other.call.tool, other.call.tool_digest) == (question.call.tool, question.call.tool_digest)
        if same and other.decision in (Decision.APPROVED, Decision.DENIED):
            found.append(other)
    found.sort(key=lambda each: -each.decided_at)
    own = [each.decided_by == question.requester for each in found]
    return [
        PastDecision(each.decision is Decision.APPROVED, suggestion.loads(each.body), by_others=not mine)
        for each, mine in zip(found, own, strict=True)
        if mine or each.decision is Decision.DENIED
    ]


def pass_over(tables: Tables, thread: int) -> None:
    """Close what is open about failed turns of a thread: another turn begins."""
    for id_, row in list(tables.questions.items()):
        if row.question.thread_id == thread and row.question.kind == RETRY_TURN:
            end(tables, id_, PASSED)


def _request(tables: Tables, thread: int, question: str, transition: Transition) -> None:
    number = max(tables.inbox, default=0) + 1
    at = at_slacks_time(transition.at, now())
    unread = Unread(number, transition.by, at, transition.words, (), addressed=True)
    tables.inbox[number] = Message(thread, f"{question}-{thread}", unread, at=now())
    release(tables, thread)


def _move(tables: Tables, call: int, step: CallStep) -> None:
    row = tables.calls[call]
    if row.call.state not in (CallState.AWAITING, CallState.UNKNOWN):
        return
    moved = replace(row.call, state=step.state, outcome=step.outcome)
    if step.result is not None:
        moved = replace(moved, result=step.result)
    ended = step.state is CallState.FINISHED
    moved = replace(moved, exchange="" if ended else moved.exchange if step.exchange is None else step.exchange)
    if step.arguments:
        original = moved.original or moved.arguments
        moved = replace(moved, original=original, arguments=step.arguments, editors=step.editors)
    tables.calls[call] = replace(row, call=moved)


def stop(tables: Tables, thread: int, stopped_by: str) -> None:
    """Stop the open turn of a thread."""
    turn, user = tables.open_turn(thread), person(stopped_by)
    if turn and not tables.turns[turn].turn.stopped_by:
        row = tables.turns[turn]
        tables.turns[turn] = replace(row, turn=replace(row.turn, stopped_by=stopped_by))
    for id_, asked in list(tables.questions.items()):
        if asked.question.thread_id == thread and KINDS[asked.question.kind].ends_with_turn:
            end(tables, id_, Decision.STOPPED, user)
    left = budgets.leave(tables, turn)
    for id_ in (*([left] if left else []), *signing.leave(tables, turn)):
        end(tables, id_, Decision.STOPPED, user)
    for id_, row in list(tables.calls.items()):
        if turn and row.turn == turn and row.call.state in (CallState.READY, CallState.AWAITING):
            outcome, record = call_question.stopped(row.call, user)
            tables.calls[id_] = replace(
                row, call=replace(row.call, state=CallState.FINISHED, outcome=outcome, exchange="")
            )
            tables.record(thread, record.kind, record.actor, call=id_, facts=dict(record.facts))
            redraw(tables, about_call(tables, id_))


def end_grant(tables: Tables, grant: int, how: str, user: str) -> bool:
    row = tables.grants.get(grant)
    if row is None or row.grant.ended or (user and row.grant.user != user):
        return False
    tables.grants[grant] = replace(row, grant=replace(row.grant, ended=how))
    tables.record(row.grant.thread_id, "voided" if how == "void" else how, user)
    return True


def release(tables: Tables, thread: int) -> None:
    """A person has acted: a parked thread goes on."""
    row = tables.threads[thread]
    if not row.parked:
        return
    tables.threads[thread] = replace(row, parked="", failures=0)
    if turn := tables.open_turn(thread):
        kept = tables.turns[turn]
        tables.turns[turn] = replace(kept, turn=replace(kept.turn, attempts=0))
    asked = tables.questions[row.parked]
    if asked.question.decision == Decision.AWAITING:
        tables.questions[row.parked] = replace(asked, question=replace(asked.question, decision=RETRIED))
    redraw(tables, [asked.post])
