"""Outages in memory, and messages that are too old to be answered unasked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.core.outages import ActiveThread, Conversation, Gap, HeldMessages, Hold, KnownThread, RecordedMessage
from bot.core.questions.missed import MISSED, TAKEN_BACK, TAKEN_UP, AnswerMissed, extended, narrowed
from bot.core.questions.question import Card, Decision, Question
from tests.extending.memory import asking
from tests.extending.memory.tables import Tables, now


def begin(tables: Tables, since: float) -> int:
    if "heard" not in tables.presence:
        tables.presence["heard"] = now()
        return 0
    number = last(tables) + 1
    tables.outages[number] = since or tables.presence["heard"]
    return number


def last(tables: Tables) -> int:
    """The number of the last outage."""
    return max(tables.outages, default=0)


def gap(tables: Tables, heard: int) -> Gap | None:
    after = [since for number, since in tables.outages.items() if number > heard]
    return Gap(after[0], last(tables)) if after else None


def active(tables: Tables, before: int) -> list[ActiveThread]:
    rows = [(number, row) for number, row in tables.inbox.items() if number < before or not before]
    return [
        ActiveThread(number, row.at, row.thread, thread.place, gap(tables, thread.heard))
        for number, row in reversed(rows[-100:])
        if (thread := tables.threads[row.thread])
    ]


def known(tables: Tables, conversation: Conversation, roots: Sequence[str]) -> list[KnownThread]:
    where = (conversation.team, conversation.channel)
    return [
        KnownThread(id_, row.place, gap(tables, row.heard))
        for id_, row in tables.threads.items()
        if (row.place.team, row.place.channel) == where and row.place.thread_ts in roots
    ]


def open_turns(tables: Tables, before: int) -> list[KnownThread]:
    ids = [id_ for id_ in tables.threads if tables.open_turn(id_) and (id_ < before or not before)]
    rows = [(id_, tables.threads[id_]) for id_ in sorted(ids, reverse=True)[:100]]
    return [KnownThread(id_, row.place, gap(tables, row.heard)) for id_, row in rows]


def recorded(tables: Tables, thread: int, after: str, upto: str) -> list[RecordedMessage]:
    turn = tables.open_turn(thread)
    first = tables.turns[turn].first if turn else None
    rows = [row for row in tables.inbox.values() if row.thread == thread and not (row.about or row.gone)]
    rows = [row for row in rows if row.unread.user and not row.event.startswith(f"{MISSED}-")]
    rows = [row for row in rows if row.unread.ts > after and (row.unread.ts <= upto or not upto)]
    return [
        RecordedMessage(
            row.unread.ts,
            row.position is None or (first is not None and row.unread.addressed and row.position >= first),
        )
        for row in sorted(rows, key=lambda row: row.unread.ts, reverse=True)
    ]


def gaps(tables: Tables, conversations: Sequence[Conversation]) -> list[Gap | None]:
    listed = int(tables.presence.get("listed", 0))
    found = [gap(tables, tables.conversations.setdefault((each.team, each.channel), listed)) for each in conversations]
    tables.presence["listed"] = last(tables)
    return found


def caught_up(tables: Tables, what: int | Conversation, number: int) -> None:
    if isinstance(what, int):
        row = tables.threads[what]
        tables.threads[what] = replace(row, heard=max(row.heard, number))
    else:
        key = (what.team, what.channel)
        tables.conversations[key] = max(tables.conversations[key], number)


def held(tables: Tables) -> list[HeldMessages]:
    found: list[HeldMessages] = []
    for id_, thread in tables.threads.items():
        left = _unasked(tables, id_)
        if left:
            found.append(HeldMessages(id_, thread.place, left[-1][0], tuple(dict.fromkeys(user for _, user in left))))
    return found


def _unasked(tables: Tables, thread: int) -> list[tuple[str, str]]:
    """(timestamp, author) of the messages of a thread whose authors are to be asked."""
    rows = [row for row in tables.inbox.values() if row.thread == thread]
    again = {row.unread.user for row in rows if row.position is None and row.unread.addressed}
    left = [row.unread for row in rows if row.held == Hold.UNASKED and not row.gone and row.unread.user not in again]
    return sorted((each.ts, each.user) for each in left)


def _move(tables: Tables, thread: int, user: str, before: Hold, after: Hold, *, read: bool = False) -> None:
    for number, row in list(tables.inbox.items()):
        is_meant = row.thread == thread and row.unread.user == user and row.held == before and not row.gone
        if is_meant and (row.position is not None or not read):
            tables.inbox[number] = replace(row, held=after)


def offer(tables: Tables, card: Card, threads: Sequence[int]) -> None:
    [question] = card.questions
    left = {(each, who) for each in threads for _, who in _unasked(tables, each) if who in question.people}
    people = tuple(who for who in question.people if any(who == found for _, found in left))
    if not people:
        return
    for thread, who in left:
        _move(tables, thread, who, Hold.UNASKED, Hold.ASKED)
    question = replace(question, people=people)
    for id_, row in tables.questions.items():
        if _asks(row.question) and row.question.thread_id == question.thread_id:
            tables.questions[id_] = replace(row, question=extended(row.question, threads, people))
            return
    asking.insert(tables, question, asking.owe(tables, question.thread_id, card.drafts))


def answered(tables: Tables, thread: int, people: Collection[str]) -> None:
    for user in people:
        for before in (Hold.UNASKED, Hold.ASKED):
            _move(tables, thread, user, before, Hold.TAKEN_UP, read=True)
        _review(tables, thread, user, TAKEN_UP)


def settle(tables: Tables, thread: int) -> None:
    """A turn opens: what the one before it had taken up and answered is done."""
    begun = [
        row for row in tables.turns.values() if row.thread == thread and row.first < len(_messages(tables, thread))
    ]
    if not begun or begun[-1].ended != "answered":
        return
    own = [row for row in tables.inbox.values() if row.thread == thread and row.unread.addressed and not row.gone]
    asked = [row for row in own if row.position is not None and row.position >= begun[-1].first]
    for user in {row.unread.user for row in asked if not _is_gone(tables, row.about)}:
        _move(tables, thread, user, Hold.TAKEN_UP, Hold.DONE)


def _messages(tables: Tables, thread: int) -> Sequence[tuple[str, str]]:
    return tables.threads[thread].messages


def taken_back(tables: Tables, thread: int, user: str, *, gone: int = 0) -> bool:
    """A held message was deleted or asks for nothing. Out: whether a question was closed that nothing is left of."""
    return _review(tables, thread, user, TAKEN_BACK, gone)


def uncovered(tables: Tables, thread: int, user: str, *, answered: bool) -> None:
    """A message was deleted after it was read: what nothing else has taken up is done, or to be asked about."""
    own = [row for row in tables.inbox.values() if row.thread == thread and row.unread.user == user]
    there = [row for row in own if row.unread.addressed and not row.gone and not _is_gone(tables, row.about)]
    newest = max((row.position for row in there if row.position is not None), default=-1)
    firsts = sorted(row.first for row in tables.turns.values() if row.thread == thread)
    for number, row in list(tables.inbox.items()):
        if row in own and row.held == Hold.TAKEN_UP and not row.gone and row.position is not None:
            first = max((each for each in firsts if each <= row.position), default=0)
            if first > newest:
                tables.inbox[number] = replace(row, held=Hold.DONE if answered else Hold.UNASKED)


def _is_gone(tables: Tables, message: int) -> bool:
    return message in tables.inbox and tables.inbox[message].gone


def _review(tables: Tables, thread: int, user: str, decision: str, gone: int = 0) -> bool:
    is_closed = False
    for id_, row in list(tables.questions.items()):
        question = row.question
        if not _asks(question):
            continue
        threads = AnswerMissed().threads(question)
        if not (thread in threads and user in question.people) and question.thread_id != gone:
            continue
        left = {each: people for each in threads if each != gone and (people := _asked(tables, each, question.people))}
        people = [who for who in question.people if any(who in found for found in left.values())]
        if people and question.thread_id != gone:
            tables.questions[id_] = replace(row, question=narrowed(question, [*left], people))
            continue
        for each, found in left.items():
            for who in found:
                _move(tables, each, who, Hold.ASKED, Hold.UNASKED)
        _decide(tables, id_, decision)
        is_closed = True
    return is_closed


def _asked(tables: Tables, thread: int, people: Collection[str]) -> set[str]:
    rows = [row for row in tables.inbox.values() if row.thread == thread and row.held == Hold.ASKED and not row.gone]
    return {row.unread.user for row in rows if row.unread.user in people}


def _decide(tables: Tables, id_: str, decision: str) -> None:
    row = tables.questions[id_]
    tables.questions[id_] = replace(row, question=replace(row.question, decision=decision, decided_at=now()))
    asking.redraw(tables, [row.post])


def _asks(question: Question) -> bool:
    return question.kind == MISSED and question.decision == Decision.AWAITING
