"""Lists what waits for one person, and their open turns. The cost does not grow with what waits for others. Functions
on a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from heapq import merge
from itertools import islice

from bot.core.questions.question import Approval, Question
from bot.core.thread_ref import ThreadRef
from bot.core.waiting import OpenTurn, Waiting, WaitingQuestion
from bot.store.sqlite.question_rows import find
from bot.store.sqlite.unreadable import OddRows

SCANNED = 5
"""Questions that are read, as a multiple of the length of the list: some may be for others only."""


def waiting_for(connection: sqlite3.Connection, user: str, groups: Iterable[str], most: int, odd: OddRows) -> Waiting:
    """Return the open questions that a person may answer, the earliest to expire first, and their open turns, the
    newest first; at most `most` of each."""
    asked = (_of(connection, who, most * SCANNED) for who in dict.fromkeys((user, *groups)))
    found: dict[str, WaitingQuestion] = {}
    for _, id_ in islice(merge(*asked), most * SCANNED):
        shown = odd.around(connection, f"request {id_}", lambda id_=id_: _shown(connection, id_, user))
        if shown is not None:
            found.setdefault(id_, shown)
        if len(found) > most:
            break
    turns = _turns(connection, user, most + 1, odd)
    questions = list(found.values())
    return Waiting(questions[:most], len(questions) > most, turns[:most], len(turns) > most)


def _of(connection: sqlite3.Connection, who: str, most: int) -> list[tuple[float, str]]:
    rows = connection.execute(
        "SELECT expires_at, question FROM waiting_for WHERE who = ? ORDER BY expires_at, question LIMIT ?", (who, most)
    )
    return [(float(at), str(id_)) for at, id_ in rows]


def _shown(connection: sqlite3.Connection, id_: str, user: str) -> WaitingQuestion | None:
    question = find(connection, id_)
    if question is None or not _may_answer(question, user):
        return None
    row = connection.execute(
        "SELECT t.team, t.channel, t.thread_ts, t.kind, q.created_at FROM questions q JOIN threads t"
        " ON t.id = q.thread_id WHERE q.id = ?",
        (id_,),
    ).fetchone()
    copy = next((copy for copy in question.copies if copy.person == user and copy.message_ts), None)
    ts, channel = (copy.message_ts, copy.channel) if copy else (question.message_ts, question.channel)
    return WaitingQuestion(question, ThreadRef(*row[:4]), float(row[4]), ts, channel)


def _may_answer(question: Question, user: str) -> bool:
    """Return whether a person for whom the question waits has not answered it, and is not barred."""
    if user in question.votes:
        return False
    barred = isinstance(question, Approval) and question.no_self
    return not (barred and isinstance(question, Approval) and user in (question.requester, *question.call.editors))


def _turns(connection: sqlite3.Connection, user: str, most: int, odd: OddRows) -> list[OpenTurn]:
    rows = connection.execute(
        "SELECT u.id, u.opened_at, u.stopped_by, t.parked, t.id, t.team, t.channel, t.thread_ts, t.kind FROM turns u"
        " INDEXED BY turns_of_requester JOIN threads t ON t.id = u.thread_id"
        " WHERE u.requester = ? AND u.ended_at IS NULL ORDER BY u.id DESC LIMIT ?",
        (user, most),
    ).fetchall()
    found: list[OpenTurn] = []
    for turn, opened_at, stopped_by, parked, thread, *place in rows:
        first = connection.execute(
            "SELECT id FROM questions WHERE thread_id = ? AND decision = 'awaiting' LIMIT 1", (thread,)
        ).fetchone()

        def read(first: tuple[str] | None = first) -> Question | None:
            return find(connection, first[0]) if first else None

        asked = odd.around(connection, f"the request of turn {turn}", read)
        found.append(OpenTurn(turn, ThreadRef(*place), opened_at, bool(stopped_by), bool(parked), asked))
    return found
