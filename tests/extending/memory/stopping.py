"""Turns that are stopped with a word, in the app's Home, or with Slack's own Stop, in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bot.core.inbox import STOPPED_WITH, WITHDRAWN, Incoming, Unread
from bot.core.outages import Hold
from bot.core.questions.question import Decision
from bot.core.sessions import Stopped, StopVerdict
from bot.core.thread import Turn
from bot.core.thread_ref import ThreadRef
from bot.core.waiting import OpenTurn, Waiting, WaitingQuestion
from tests.extending.memory import asking, hearing
from tests.extending.memory.tables import Message, Tables, Thread, TurnRow, now


def by_word(tables: Tables, incoming: Incoming) -> bool:
    """Stop what a stop word means. Out: whether there was anything."""
    place, user = incoming.place, incoming.user
    known = [row for row in tables.inbox.values() if tables.threads[row.thread].place == place]
    if any(row.unread.ts == incoming.ts or row.event == incoming.event_id for row in known):
        return False
    turns = {number: row for number, row in tables.turns.items() if not row.ended}
    here = {number: row for number, row in turns.items() if tables.threads[row.thread].place == place}
    found = {number: row for number, row in here.items() if incoming.may_stop or row.turn.requester == user}
    outside = place.thread_ts == incoming.ts
    if not here and outside:
        found = {number: row for number, row in turns.items() if row.turn.requester == user}
        found = {id_: row for id_, row in found.items() if tables.threads[row.thread].place.channel == place.channel}
    meant = [number for number, row in found.items() if _began(tables, row) < incoming.ts]
    for number in meant:
        _end_turn(tables, number, user, incoming.ts, note=outside)
    ended = [
        _end_unread(tables, thread, incoming)
        for thread, row in tables.threads.items()
        if row.place == place or (outside and row.place.channel == place.channel)
    ]
    return bool(meant) or any(ended)


def _end_unread(tables: Tables, thread: int, incoming: Incoming) -> bool:
    """End what is unread and was written before. Out: whether there was anything."""
    requester = "" if tables.open_turn(thread) else _asking(tables, thread, incoming.ts)
    outside = incoming.place.thread_ts == incoming.ts
    if not requester or not (requester == incoming.user or (incoming.may_stop and not outside)):
        return _withdraw(tables, thread, {incoming.user}, incoming.ts)
    _end_turn(tables, _open(tables, thread, requester), incoming.user, incoming.ts, note=False)
    return True


def _asking(tables: Tables, thread: int, before: str) -> str:
    """Who has written first what would open the next turn."""
    unread = [row.unread for row in tables.inbox.values() if row.thread == thread and row.position is None]
    wanted = [each for each in unread if each.addressed and each.ts < before]
    first = min(wanted, key=lambda each: each.ts, default=None)
    return first.user if first else ""


def _open(tables: Tables, thread: int, requester: str) -> int:
    hearing.settle(tables, thread)
    number = len(tables.turns) + 1
    first = len(tables.threads[thread].messages)
    tables.turns[number] = TurnRow(thread, first, Turn(number, requester, attempts=1, first=first))
    asking.pass_over(tables, thread)
    return number


def _end_turn(tables: Tables, number: int, user: str, before: str, *, note: bool) -> None:
    row = tables.turns[number]
    _stop(tables, number, user, note=note, at=before)
    _withdraw(tables, row.thread, {user, row.turn.requester}, before)


def _withdraw(tables: Tables, thread: int, users: set[str], before: str = "") -> bool:
    """What people and apps had written before, or at all, starts no other turn. Out: whether there was anything."""
    found = False
    for id_, message in list(tables.inbox.items()):
        unread = message.unread
        waits = message.position is None and (unread.addressed or message.held == 1)
        if message.thread == thread and waits and unread.user in users and (not before or unread.ts < before):
            label, held = (unread.label, Hold.DONE) if unread.author else (WITHDRAWN, Hold.NONE)
            withdrawn = replace(unread, addressed=False, held=False, label=label)
            tables.inbox[id_] = replace(message, unread=withdrawn, held=held)
            found = True
    return found


def in_thread(tables: Tables, place: ThreadRef, user: str, at: str, *, may_stop: bool) -> Stopped:
    """Stop what goes on in a thread."""
    thread = next((id_ for id_, row in tables.threads.items() if row.place == place), 0)
    turn = tables.open_turn(thread)
    requester = "" if turn else _asking(tables, thread, at)
    if turn and _began(tables, tables.turns[turn]) < at:
        requester = tables.turns[turn].turn.requester
    if not requester:
        return Stopped(StopVerdict.NOTHING, thread)
    if not may_stop and user != requester:
        return Stopped(StopVerdict.NOT_THEIRS, thread, turn, requester)
    if turn and tables.turns[turn].turn.stopped_by:
        return Stopped(StopVerdict.NOTHING, thread, turn, requester)
    number = turn or _open(tables, thread, requester)
    _end_turn(tables, number, user, at, note=bool(turn))
    return Stopped(StopVerdict.STOPPED, thread, number, requester)


def by_button(tables: Tables, turn: int, user: str, *, others: bool) -> int:
    """Stop an open turn of this person, or of anybody. Out: its thread, or 0."""
    row = tables.turns.get(turn)
    if row is None or row.ended or not user or (row.turn.requester != user and not others):
        return 0
    _stop(tables, turn, user, note=True)
    if _is_unbegun(tables, row):
        _withdraw(tables, row.thread, {row.turn.requester})
    return row.thread


def record(tables: Tables, incoming: Incoming, label: str = STOPPED_WITH) -> int:
    """Record the message with the word. Out: its thread; 0 if that is gone."""
    thread = next((id_ for id_, row in tables.threads.items() if row.place == incoming.place), 0)
    if not thread:
        thread = len(tables.threads) + 1
        tables.threads[thread] = Thread(incoming.place, heard=0 if incoming.missed else hearing.last(tables))
    row = tables.threads[thread]
    if row.gone and incoming.ts <= row.gone:
        return 0
    tables.threads[thread] = replace(row, gone="")
    number = max(tables.inbox, default=0) + 1
    unread = Unread(number, incoming.user, incoming.ts, incoming.text, (), addressed=False, label=label)
    unread = replace(unread, version=incoming.version)
    tables.inbox[number] = Message(thread, incoming.event_id, unread, at=now())
    return thread


def waiting_for(tables: Tables, user: str, groups: Collection[str], most: int) -> Waiting:
    """What waits for a person, and what of theirs waits."""
    found: list[WaitingQuestion] = []
    for id_ in tables.questions:
        question = asking.find(tables, id_)
        if question and question.decision == Decision.AWAITING and question.names(user, frozenset(groups)):
            place = tables.threads[question.thread_id].place
            found.append(WaitingQuestion(question, place, 0.0, question.message_ts, question.channel))
    found.sort(key=lambda each: each.question.expires_at)
    turns: list[OpenTurn] = []
    for number, row in reversed(tables.turns.items()):
        if not row.ended and row.turn.requester == user:
            thread = tables.threads[row.thread]
            turns.append(OpenTurn(number, thread.place, 0.0, bool(row.turn.stopped_by), bool(thread.parked)))
    return Waiting(found[:most], len(found) > most, turns[:most], len(turns) > most)


def _stop(tables: Tables, turn: int, user: str, *, note: bool, at: str = "") -> None:
    thread = tables.turns[turn].thread
    asking.stop(tables, thread, user)
    tables.record(thread, "stopped", user)
    asking.release(tables, thread)
    if note:
        asking.note(tables, thread, f"stopped-{turn}", "(stopped)", at)


def _is_unbegun(tables: Tables, row: TurnRow) -> bool:
    return len(tables.threads[row.thread].messages) <= row.first


def _began(tables: Tables, row: TurnRow) -> str:
    said = [each for each in tables.inbox.values() if each.thread == row.thread and each.unread.addressed]
    if _is_unbegun(tables, row):
        said = [each for each in said if each.position is None and each.unread.user == row.turn.requester]
    else:
        said = [each for each in said if each.position is not None and each.position >= row.first]
    return min((each.unread.ts for each in said), default="")
