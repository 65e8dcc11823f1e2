"""Outages in memory, and messages that are too old to be answered unasked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.core.outages import ActiveThread, Conversation, Gap, HeldMessages, KnownThread, RecordedMessage
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
        rows = [row for row in tables.inbox.values() if row.thread == id_]
        again = {row.unread.user for row in rows if row.position is None and row.unread.addressed}
        messages = sorted((row.unread.ts, row.unread.user) for row in rows if row.held == 1)
        left = [(ts, user) for ts, user in messages if user not in again]
        if left:
            found.append(HeldMessages(id_, thread.place, left[-1][0], tuple(dict.fromkeys(user for _, user in left))))
    return found


def offer(tables: Tables, card: Card, threads: Sequence[int]) -> None:
    [question] = card.questions
    if not any(each.thread_id in threads for each in held(tables)):
        return
    for number, row in list(tables.inbox.items()):
        if row.thread in threads and row.held:
            tables.inbox[number] = replace(row, held=2)
    for id_, _ in _open(tables, question.thread_id):
        row = tables.questions[id_]
        tables.questions[id_] = replace(row, question=extended(row.question, threads, question.people))
        return
    asking.insert(tables, question, asking.owe(tables, question.thread_id, card.drafts))


def answered(tables: Tables, thread: int, people: Collection[str]) -> None:
    for number, row in list(tables.inbox.items()):
        if row.thread == thread and row.held and row.unread.user in people:
            tables.inbox[number] = replace(row, held=2)
    for id_, asked in _open(tables, thread):
        if set(asked) <= set(people):
            _decide(tables, id_, TAKEN_UP)


def taken_back(tables: Tables, thread: int, user: str, *, gone: int = 0) -> bool:
    """A held message was deleted or asks for nothing. Out: whether a question was closed that nothing is left of."""
    is_closed = False
    for id_, row in list(tables.questions.items()):
        question = row.question
        if not _asks(question):
            continue
        threads = AnswerMissed().threads(question)
        if not (thread in threads and user in question.people) and question.thread_id != gone:
            continue
        left = {each: people for each in threads if each != gone and (people := _left(tables, each))}
        people = [who for who in question.people if any(who in found for found in left.values())]
        if people and question.thread_id != gone:
            tables.questions[id_] = replace(row, question=narrowed(question, [*left], people))
            continue
        for number, each in list(tables.inbox.items()):
            if each.thread in left and each.held and not each.gone:
                tables.inbox[number] = replace(each, held=1)
        _decide(tables, id_, TAKEN_BACK)
        is_closed = True
    return is_closed


def _left(tables: Tables, thread: int) -> set[str]:
    rows = [(number, row) for number, row in tables.inbox.items() if row.thread == thread]
    answered = {(row.unread.user, number) for number, row in rows if row.unread.addressed}
    return {
        row.unread.user
        for number, row in rows
        if row.held and not row.gone and not any(who == row.unread.user and at > number for who, at in answered)
    }


def _decide(tables: Tables, id_: str, decision: str) -> None:
    row = tables.questions[id_]
    tables.questions[id_] = replace(row, question=replace(row.question, decision=decision, decided_at=now()))
    asking.redraw(tables, [row.post])


def _asks(question: Question) -> bool:
    return question.kind == MISSED and question.decision == Decision.AWAITING


def _open(tables: Tables, thread: int) -> list[tuple[str, tuple[str, ...]]]:
    rows = [row.question for row in tables.questions.values() if row.question.thread_id == thread]
    return [(each.id, each.people) for each in rows if _asks(each)]
