"""One change of a thread, written into tables in memory; and the thread as it then stands."""

from __future__ import annotations

from dataclasses import replace

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.questions import granted
from bot.core.questions.question import Approval, CallInput, Decision, UndoState
from bot.core.thread import ThreadState, Turn, person
from bot.core.transaction import Change
from bot.core.transcript import Transcript
from bot.core.turn_message import first_key, growing_part
from bot.errors import ChangedError, StoreError
from tests.extending.memory import asking, choosing, compacting, costs, following, hearing, news, signing
from tests.extending.memory.tables import CallRow, Tables, TurnRow, UndoRow, fresh


def stands(tables: Tables, thread_id: int) -> ThreadState:
    """A thread as it stands."""
    row, inbox = tables.threads[thread_id], tables.inbox.values()
    last = row.messages[-1][0] if row.messages else ""
    unread = [each.unread for each in inbox if each.thread == thread_id and each.position is None]
    state = ThreadState(thread_id, row.place, len(row.messages) - 1, last, None, functions=row.functions)
    state.unread = sorted(unread, key=lambda each: each.ts)
    state.parked, state.people = bool(row.parked), tuple(sorted(row.people))
    state.measured, state.stale = row.measured, row.stale
    state.cut = any(each.thread == thread_id and each.call.rest for each in tables.calls.values())
    state.transcript = None if row.messages else Transcript()
    if number := tables.open_turn(thread_id):
        turn = tables.turns[number]
        read = [each for each in inbox if each.thread == thread_id and (each.position or 0) >= turn.first]
        people = {each.unread.user for each in read if each.position is not None and each.unread.addressed}
        state.turn = replace(turn.turn, others=tuple(sorted(people - {"", turn.turn.requester})))
        state.calls = [fresh(each) for each in tables.calls.values() if each.turn == number]
        _mark_asked(tables, {call.id: call for call in state.calls})
        mine = [post for post in tables.posts.values() if post.key.startswith(first_key(number))]
        parts = ((post.payload, post.final) for post in sorted(mine, key=lambda post: post.key, reverse=True))
        state.message = growing_part(number, turn.turn.requester, row.place.team, parts)
    return state


def _mark_asked(tables: Tables, calls: dict[int, Call]) -> None:
    for row in tables.questions.values():
        question = row.question
        if isinstance(question, Approval | CallInput) and question.call.id in calls:
            call = calls[question.call.id]
            if question.decision == Decision.AWAITING:
                call.asked = True
            elif question.decision in (Decision.APPROVED, Decision.RUN_AGAIN) and question.kind != granted.GRANTED:
                call.approval, call.approved_digest = question.id, question.digest
                preview = question.preview if isinstance(question, Approval) else None
                call.basis = preview.basis if preview else ""
    for id_, call in calls.items():
        call.asked = call.asked or signing.is_asked(tables, id_)


def apply(tables: Tables, state: ThreadState, change: Change) -> None:
    """Write a change of a thread that stands as `state` says."""
    row = tables.threads[state.id]
    if change.unless_stopped and state.turn and tables.turns[state.turn.id].turn.stopped_by:
        _count(tables, state.turn, Change(change.name, usage=change.usage, costs=change.costs), gets_on=False)
        return
    if change.messages and len(row.messages) != state.next_position:
        raise StoreError("its position is taken")
    number = state.turn.id if state.turn else 0
    if change.requester:
        if tables.open_turn(state.id):
            raise ChangedError("a turn is open")
        hearing.settle(tables, state.id)
        number = len(tables.turns) + 1
        turn = Turn(number, change.requester, attempts=1, first=state.next_position)
        tables.turns[number] = TurnRow(state.id, state.next_position, turn)
        asking.pass_over(tables, state.id)
    known = {message.id: (message.version, message.addressed) for message in state.unread}
    for _, id_ in change.read:
        kept = tables.inbox[id_].unread if id_ in tables.inbox else None
        if kept is None or (kept.version, kept.addressed) != known.get(id_, ("", True)):
            raise ChangedError
    for index, id_ in change.read:
        tables.inbox[id_] = replace(tables.inbox[id_], position=state.next_position + index)
    for id_ in change.notified:
        _notify(tables, id_, notified=True)
    if change.speakers:
        hearing.answered(tables, state.id, change.speakers)
    gets_on = bool(change.messages and change.gets_on)
    ended = any(call.state is CallState.FINISHED for call in change.calls)
    digest, body = change.functions
    tables.functions |= {digest: body} if digest else {}
    tables.threads[state.id] = replace(
        row,
        messages=(*row.messages, *change.messages),
        functions=digest or row.functions,
        failures=0 if ended or change.outcome or gets_on else row.failures,
    )
    compacting.apply(tables, state.id, change)
    stopped_by = tables.turns[number].turn.stopped_by if number else ""
    for call in change.new_calls if stopped_by else ():
        if call.state is not CallState.FINISHED:
            call.state, call.outcome, call.attempts = CallState.FINISHED, CallOutcome.STOPPED, 0
    _write_calls(tables, state, change, number)
    asking.owe(tables, state.id, change.drafts)
    for approval, words in change.drifted:
        asking.drift(tables, approval, words)
    asking.written(tables, state.id, change.written)
    for id_, why in change.withdrawn:
        asking.end(tables, id_, Decision.WITHDRAWN, reason=why)
    for card in change.cards:
        asking.ask(tables, state.id, card)
        for question in card.questions if stopped_by else ():
            asking.end(tables, question.id, Decision.STOPPED, person(stopped_by))
            if isinstance(question, Approval | CallInput):
                _renew(tables, question.call)
    if change.follow_up is not None and not stopped_by:
        following.offer(tables, state.id, change.follow_up)
    news.wait(tables, state.id, change.unavailable)
    if change.wait is not None and not stopped_by:
        costs.wait(tables, number, state.id, change.wait, lambda card: asking.ask(tables, state.id, card))
    if change.sign_in is not None:
        signing.wait(
            *(tables, state.id, change.sign_in, lambda card: asking.ask(tables, state.id, card)),
            stopped=bool(stopped_by),
        )
    _keep(tables, change)
    following.settle(tables)
    if state.turn is not None:
        if change.asked is not None:
            choosing.asked(tables, state.id, state.turn.id, change.asked)
        _count(tables, state.turn, change, gets_on=gets_on)


def _notify(tables: Tables, id_: int, *, notified: bool) -> None:
    row = tables.inbox[id_]
    tables.inbox[id_] = replace(row, unread=replace(row.unread, notified=notified))


def _write_calls(tables: Tables, state: ThreadState, change: Change, turn: int) -> None:
    moved = list(change.new_calls)
    for call in change.new_calls:
        call.id = len(tables.calls) + 1
        tables.calls[call.id] = CallRow(state.id, turn, replace(call), change.request)
    for call in change.calls:
        row = tables.calls[call.id]
        if row.call.state is CallState.FINISHED and row.call.outcome is not call.outcome:
            _renew(tables, call)
            continue
        if (row.call.state, row.call.attempts) != (call.state, call.attempts):
            moved.append(call)
        kept = row.call
        exchange = "" if call.state is CallState.FINISHED else call.exchange
        written = replace(
            call, arguments=kept.arguments, original=kept.original, editors=kept.editors, exchange=exchange
        )
        tables.calls[call.id] = replace(row, call=replace(written, asked=False, approval="", approved_digest=""))
    for call in moved:
        if call.state in (CallState.STARTED, CallState.FINISHED):
            tables.record(state.id, call.state.value, state.turn.requester if state.turn else "", call=call.id)
        if call.approval and call.state in (CallState.UNKNOWN, CallState.FINISHED):
            asking.redraw(tables, asking.about_call(tables, call.id))


def _renew(tables: Tables, call: Call) -> None:
    """Have a call stand as it is written: a person may have ended it meanwhile."""
    kept = tables.calls[call.id].call
    call.state, call.outcome, call.result, call.attempts = kept.state, kept.outcome, kept.result, kept.attempts


def _keep(tables: Tables, change: Change) -> None:
    for call, before in change.befores:
        if call.state is CallState.STARTED:
            tables.undos[call.id] = UndoRow(call.approval, before)
    for call, after, until in change.afters:
        kept = tables.undos.get(call.id)
        if kept and kept.state is UndoState.KEPT and call.outcome is CallOutcome.OK:
            state = UndoState.OFFERED if after else UndoState.CLOSED
            about = kept.approval or next((id_ for id_ in tables.questions if _records(tables, id_, call)), "")
            tables.undos[call.id] = replace(kept, approval=about, state=state, after=after, until=until)


def _records(tables: Tables, question: str, call: Call) -> bool:
    asked = tables.questions[question].question
    return asked.kind == granted.GRANTED and isinstance(asked, Approval) and asked.call.id == call.id


def _count(tables: Tables, turn: Turn, change: Change, *, gets_on: bool) -> None:
    row = tables.turns[turn.id]
    written = replace(turn, usage=row.turn.usage + change.usage, stopped_by=row.turn.stopped_by, announced=False)
    written = replace(written, attempts=1 if gets_on else turn.attempts, model="", others=())
    written = replace(written, fallback=row.turn.fallback)
    tables.turns[turn.id] = replace(row, turn=written, ended=change.outcome)
    costs.record(tables, turn.id, change.costs, change.usage)
    if change.outcome:
        for id_, each in list(tables.inbox.items()):
            if each.thread == row.thread and each.position is None and each.unread.notified:
                _notify(tables, id_, notified=False)
