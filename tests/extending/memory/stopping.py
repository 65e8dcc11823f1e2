"""Turns that are stopped with a word, or in the app's Home, in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bot.core.inbox import STOPPED_WITH, WITHDRAWN, Incoming, Unread
from bot.core.questions.question import Decision
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
    elsewhere = not here and place.thread_ts == incoming.ts
    if elsewhere:
        channel = (place.team, place.channel)
        found = {number: row for number, row in turns.items() if row.turn.requester == user}
        of = {number: tables.threads[row.thread].place for number, row in found.items()}
        found = {number: row for number, row in found.items() if (of[number].team, of[number].channel) == channel}
    meant = {number: row for number, row in found.items() if _began(tables, row) < incoming.ts}
    for number, row in meant.items():
        _stop(tables, number, user, note=elsewhere)
        for id_, message in list(tables.inbox.items()):
            unread = message.unread
            if message.thread == row.thread and message.position is None and unread.addressed and unread.user == user:
                withdrawn = replace(unread, addressed=False, label=WITHDRAWN)
                tables.inbox[id_] = replace(message, unread=withdrawn)
    return bool(meant)


def by_requester(tables: Tables, turn: int, user: str) -> int:
    """Stop an open turn of this person. Out: its thread, or 0."""
    row = tables.turns.get(turn)
    if row is None or row.ended or row.turn.requester != user:
        return 0
    _stop(tables, turn, user, note=True)
    return row.thread


def record(tables: Tables, incoming: Incoming) -> int:
    """Record the message with the word. Out: its thread."""
    thread = next((id_ for id_, row in tables.threads.items() if row.place == incoming.place), 0)
    if not thread:
        thread = len(tables.threads) + 1
        tables.threads[thread] = Thread(incoming.place, heard=0 if incoming.missed else hearing.last(tables))
    row = tables.threads[thread]
    if row.gone and incoming.ts <= row.gone:
        return 0
    tables.threads[thread] = replace(row, gone="")
    number = max(tables.inbox, default=0) + 1
    unread = Unread(number, incoming.user, incoming.ts, incoming.text, (), addressed=False, label=STOPPED_WITH)
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


def _stop(tables: Tables, turn: int, user: str, *, note: bool) -> None:
    thread = tables.turns[turn].thread
    asking.stop(tables, thread, user)
    tables.record(thread, "stopped", user)
    asking.release(tables, thread)
    if note:
        asking.note(tables, thread, f"stopped-{turn}", "(stopped)")


def _began(tables: Tables, row: TurnRow) -> str:
    said = [each for each in tables.inbox.values() if each.thread == row.thread and each.unread.addressed]
    return min((each.unread.ts for each in said if (each.position or 0) >= row.first), default="")
