"""Messages that are held because they are too old to be answered unasked, and the questions about them. Functions on a
connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from bot.core.inbox import timestamp
from bot.core.outages import HeldMessages
from bot.core.questions.missed import MISSED, OFFER_SECONDS, TAKEN_BACK, TAKEN_UP, AnswerMissed, extended, narrowed
from bot.core.questions.question import Card, Question
from bot.core.questions.transition import Transition
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import parked_threads, posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, insert, touch, wait_for

MOST = 100
"""Threads with held messages per query."""
_UNASKED = (
    "SELECT ts, user FROM inbox i WHERE thread_id = ? AND held = 1 AND NOT EXISTS (SELECT 1 FROM inbox u"
    " WHERE u.thread_id = i.thread_id AND u.seq IS NULL AND u.addressed AND u.user = i.user) ORDER BY ts"
)
"""Held messages of people who have not written again."""


def held(connection: sqlite3.Connection) -> list[HeldMessages]:
    """Return the threads with held messages whose authors were not asked yet."""
    found: list[HeldMessages] = []
    rows = connection.execute(
        "SELECT DISTINCT thread_id FROM inbox INDEXED BY inbox_held WHERE held = 1 ORDER BY thread_id LIMIT ?", (MOST,)
    ).fetchall()
    for (thread_id,) in rows:
        messages = connection.execute(_UNASKED, (thread_id,)).fetchall()
        if messages:
            place = connection.execute(
                "SELECT team, channel, thread_ts, kind FROM threads WHERE id = ?", (thread_id,)
            ).fetchone()
            people = tuple(dict.fromkeys(str(user) for _, user in messages))
            found.append(HeldMessages(int(thread_id), ThreadRef(*place), str(messages[-1][0]), people))
    return found


def offer(connection: sqlite3.Connection, card: Card, threads: Sequence[int]) -> None:
    """Ask the question of a card, unless nothing is held in these threads any more. A question that is open in the
    thread is extended instead."""
    [question] = card.questions
    if not any(connection.execute(_UNASKED, (thread,)).fetchone() for thread in threads):
        return
    for thread in threads:
        connection.execute("UPDATE inbox SET held = 2 WHERE thread_id = ? AND held = 1", (thread,))
    for asked in _open(connection, question.thread_id):
        more = extended(asked, threads, question.people)
        connection.execute(
            "UPDATE questions SET people = ?, body = ? WHERE id = ?", (" ".join(more.people), more.body, asked.id)
        )
        wait_for(connection, more)
        return
    *_, post = posts.owe(connection, question.thread_id, card.drafts)
    insert(connection, question, post, 0)


def answered(connection: sqlite3.Connection, thread_id: int, people: Collection[str]) -> None:
    """Close the questions that are only for these people, since they have written to the bot again."""
    if not people:
        return
    for user in people:
        connection.execute("UPDATE inbox SET held = 2 WHERE thread_id = ? AND held = 1 AND user = ?", (thread_id, user))
    for question in _open(connection, thread_id):
        if set(question.people) <= set(people):
            _decide(connection, question, TAKEN_UP)


_LEFT = (
    "SELECT user FROM inbox i WHERE thread_id = ? AND held > 0 AND NOT gone AND received_at > ? AND NOT EXISTS"
    " (SELECT 1 FROM inbox u WHERE u.thread_id = i.thread_id AND u.user = i.user AND u.addressed AND NOT u.gone"
    " AND u.ts > i.ts)"
)
"""Authors of held messages in a thread that still exist and were not answered."""


def taken_back(connection: sqlite3.Connection, thread_id: int, user: str) -> bool:
    """Update the questions about a held message that was deleted, or is no longer a request. Return whether one was
    closed.

    Questions about which nothing is left are closed; others stay open for the authors of what is left.
    """
    found = [each for each in _of_person(connection, user) if thread_id in AnswerMissed().threads(each)]
    closed = [_review(connection, question, 0) for question in found]
    return any(closed)


def close_thread(connection: sqlite3.Connection, thread_id: int) -> None:
    """Close the questions in a thread that is gone, and those about nothing else. What they say about other threads is
    asked again there."""
    held = connection.execute("SELECT user FROM inbox WHERE thread_id = ? AND held > 0", (thread_id,)).fetchall()
    found = {each.id: each for each in _open(connection, thread_id)}
    for user in sorted({str(user) for (user,) in held}):
        about = [each for each in _of_person(connection, user) if thread_id in AnswerMissed().threads(each)]
        found.update((each.id, each) for each in about)
    for question in found.values():
        _review(connection, question, thread_id)


def _of_person(connection: sqlite3.Connection, user: str) -> list[Question]:
    rows = connection.execute("SELECT question FROM waiting_for WHERE who = ? LIMIT ?", (user, MOST)).fetchall()
    found = [question for (id_,) in rows if (question := find(connection, str(id_)))]
    return [question for question in found if question.kind == MISSED]


def _review(connection: sqlite3.Connection, question: Question, gone: int) -> bool:
    """Update a question to the messages that are left. `gone` is a thread that is gone. Return whether the question was
    closed."""
    begun = question.expires_at - 2 * OFFER_SECONDS
    left: dict[int, list[str]] = {}
    for each in AnswerMissed().threads(question):
        people = [str(user) for (user,) in connection.execute(_LEFT, (each, begun))] if each != gone else []
        if people:
            left[each] = people
    people = [who for who in question.people if any(who in found for found in left.values())]
    if people and question.thread_id != gone:
        _narrow(connection, narrowed(question, [*left], people))
        return False
    for each in left:
        connection.execute("UPDATE inbox SET held = 1 WHERE thread_id = ? AND held = 2 AND NOT gone", (each,))
    _decide(connection, question, TAKEN_BACK)
    return True


def _narrow(connection: sqlite3.Connection, question: Question) -> None:
    connection.execute(
        "UPDATE questions SET people = ?, body = ? WHERE id = ?",
        (" ".join(question.people), question.body, question.id),
    )
    connection.execute("DELETE FROM waiting_for WHERE question = ?", (question.id,))
    wait_for(connection, question)


def _decide(connection: sqlite3.Connection, question: Question, decision: str) -> None:
    connection.execute(
        "UPDATE questions SET decision = ?, decided_at = ? WHERE id = ? AND decision = 'awaiting'",
        (decision, now(), question.id),
    )
    touch(connection, question.id)


def _open(connection: sqlite3.Connection, thread_id: int) -> list[Question]:
    rows = connection.execute(
        "SELECT id FROM questions WHERE thread_id = ? AND decision = 'awaiting' AND kind = ?", (thread_id, MISSED)
    ).fetchall()
    return [question for (id_,) in rows if (question := find(connection, str(id_)))]


def request(connection: sqlite3.Connection, question: Question, transition: Transition) -> None:
    """Record an answer as a message to the bot in each thread that it concerns."""
    for thread_id in transition.requests:
        connection.execute(
            "INSERT OR IGNORE INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at)"
            " VALUES (?, ?, ?, ?, ?, '[]', 1, ?)",
            (thread_id, f"{question.id}-{thread_id}", timestamp(now()), transition.by, transition.words, now()),
        )
        parked_threads.release(connection, thread_id)
