"""Messages that are held because they are too old to be answered unasked, and the questions about them. Functions on a
connection, inside a transaction.

`inbox.held` says how far each is (`bot.core.outages.Hold`). Until it is done, it is either in an open question, or its
author is to be asked, or has written again: what covers it may be deleted or edited, and then the author is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.core.inbox import at_slacks_time
from bot.core.outages import HeldMessages, Hold
from bot.core.questions.missed import MISSED, TAKEN_BACK, TAKEN_UP, AnswerMissed, extended, narrowed
from bot.core.questions.question import Card, Question
from bot.core.questions.transition import Transition
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import parked_threads, posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, insert, touch, wait_for

MOST = 100
"""Threads with held messages per query."""
_IS_UNASKED = (
    "held = 1 AND NOT gone AND NOT EXISTS (SELECT 1 FROM inbox u WHERE u.thread_id = inbox.thread_id AND u.seq IS NULL"
    " AND u.addressed AND u.user = inbox.user)"
)
"""Held messages of people who have written nothing since that waits to be read."""


def held(connection: sqlite3.Connection) -> list[HeldMessages]:
    """Return the threads with held messages whose authors are to be asked."""
    found: list[HeldMessages] = []
    rows = connection.execute(
        f"SELECT DISTINCT thread_id FROM inbox INDEXED BY inbox_held WHERE {_IS_UNASKED} ORDER BY thread_id LIMIT ?",
        (MOST,),
    ).fetchall()
    for (thread_id,) in rows:
        messages = _unasked(connection, thread_id)
        place = connection.execute(
            "SELECT team, channel, thread_ts, kind FROM threads WHERE id = ?", (thread_id,)
        ).fetchone()
        people = tuple(dict.fromkeys(user for _, user in messages))
        found.append(HeldMessages(int(thread_id), ThreadRef(*place), messages[-1][0], people))
    return found


def _unasked(connection: sqlite3.Connection, thread_id: int) -> list[tuple[str, str]]:
    """Return (timestamp, author) of the messages of a thread whose authors are to be asked."""
    rows = connection.execute(
        f"SELECT ts, user FROM inbox INDEXED BY inbox_held WHERE thread_id = ? AND {_IS_UNASKED} ORDER BY ts",
        (thread_id,),
    )
    return [(str(ts), str(user)) for ts, user in rows.fetchall()]


def offer(connection: sqlite3.Connection, card: Card, threads: Sequence[int]) -> None:
    """Ask the question of a card, for those of its people of whom something is still held in these threads. A question
    that is open in the thread is extended instead."""
    [question] = card.questions
    left = {each: {who for _, who in _unasked(connection, each) if who in question.people} for each in threads}
    people = [who for who in question.people if any(who in found for found in left.values())]
    if not people:
        return
    for thread, found in left.items():
        for who in sorted(found):
            _move(connection, thread, who, Hold.UNASKED, Hold.ASKED)
    question = replace(question, people=tuple(people))
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
    """People have written to the bot again, and that was read: what was held of theirs and read before needs no
    question, and open ones about it are closed or narrowed."""
    for user in sorted(people):
        _take_up(connection, thread_id, user, Hold.UNASKED)
        about = _about(connection, thread_id, user)
        if about:
            _take_up(connection, thread_id, user, Hold.ASKED)
        for question in about:
            _review(connection, question, TAKEN_UP)


def settle(connection: sqlite3.Connection, thread_id: int) -> None:
    """A turn is about to open: what the turn before it had taken up and answered is done, since that answer is not
    withdrawn any more."""
    # As in `uncovered`: a request of the same person that was not deleted. Named, since most threads have nothing held.
    connection.execute(
        "UPDATE inbox INDEXED BY inbox_taken_up SET held = ? WHERE thread_id = ? AND held = 3 AND EXISTS"
        " (SELECT 1 FROM inbox u LEFT JOIN inbox o ON o.id = u.about WHERE u.thread_id = inbox.thread_id"
        " AND u.seq >= (SELECT CASE t.outcome WHEN 'answered' THEN t.first END FROM messages m"
        " JOIN turns t ON t.id = m.turn_id WHERE m.thread_id = inbox.thread_id ORDER BY m.seq DESC LIMIT 1)"
        " AND u.user = inbox.user AND u.addressed AND NOT u.gone AND NOT coalesce(o.gone, 0))",
        (Hold.DONE, thread_id),
    )


def taken_back(connection: sqlite3.Connection, thread_id: int, user: str) -> bool:
    """Update the questions about a held message that was deleted, or is no longer a request. Return whether one was
    closed.

    Questions about which nothing is left are closed; others stay open for the authors of what is left.
    """
    closed = [_review(connection, question, TAKEN_BACK) for question in _about(connection, thread_id, user)]
    return any(closed)


def uncovered(connection: sqlite3.Connection, thread_id: int, user: str, *, answered: bool) -> None:
    """A request of a person was deleted after it was read. What was taken up by it, and by no request in the same turn
    or later, is done if it was answered; otherwise its author is to be asked after all."""
    connection.execute(
        "UPDATE inbox SET held = ? WHERE thread_id = ? AND held = ? AND user = ? AND NOT gone AND NOT EXISTS"
        " (SELECT 1 FROM inbox u LEFT JOIN inbox o ON o.id = u.about WHERE u.thread_id = inbox.thread_id"
        " AND u.seq >= (SELECT t.first FROM messages m JOIN turns t ON t.id = m.turn_id"
        " WHERE m.thread_id = inbox.thread_id AND m.seq = inbox.seq)"
        " AND u.user = inbox.user AND u.addressed AND NOT u.gone AND NOT coalesce(o.gone, 0))",
        (Hold.DONE if answered else Hold.UNASKED, thread_id, Hold.TAKEN_UP, user),
    )


def close_thread(connection: sqlite3.Connection, thread_id: int) -> None:
    """Close the questions in a thread that is gone, and those about nothing else. What they say about other threads is
    asked again there."""
    held = connection.execute("SELECT user FROM inbox WHERE thread_id = ? AND held > 0", (thread_id,)).fetchall()
    found = {each.id: each for each in _open(connection, thread_id)}
    for user in sorted({str(user) for (user,) in held}):
        found.update((each.id, each) for each in _about(connection, thread_id, user))
    for question in found.values():
        _review(connection, question, TAKEN_BACK, gone=thread_id)
    if held:
        connection.execute("UPDATE inbox SET held = ? WHERE thread_id = ? AND held > 0", (Hold.DONE, thread_id))


def decided(connection: sqlite3.Connection, question: Question) -> None:
    """A question was answered, or has expired: what it was about is done."""
    for thread in AnswerMissed().threads(question):
        for user in question.people:
            _move(connection, thread, user, Hold.ASKED, Hold.DONE)


def _move(connection: sqlite3.Connection, thread_id: int, user: str, before: Hold, after: Hold) -> None:
    connection.execute(
        "UPDATE inbox SET held = ? WHERE thread_id = ? AND held = ? AND user = ? AND NOT gone",
        (after, thread_id, before, user),
    )


def _take_up(connection: sqlite3.Connection, thread_id: int, user: str, before: Hold) -> None:
    """Mark what was read. What was recorded while the newer message was being read is still to be asked about."""
    # Named, since the thread may be long and have nothing held.
    index = "INDEXED BY inbox_held" if before is Hold.UNASKED else ""
    connection.execute(
        f"UPDATE inbox {index} SET held = ? WHERE thread_id = ? AND held = {int(before)} AND user = ?"
        " AND seq IS NOT NULL",
        (Hold.TAKEN_UP, thread_id, user),
    )


def _about(connection: sqlite3.Connection, thread_id: int, user: str) -> list[Question]:
    """Return the open questions to a person about a thread."""
    rows = connection.execute(
        "SELECT question FROM waiting_for WHERE who = ? AND question GLOB ?", (user, f"{MISSED}-*")
    ).fetchall()
    found = [question for (id_,) in rows if (question := find(connection, str(id_)))]
    return [each for each in found if each.kind == MISSED and thread_id in AnswerMissed().threads(each)]


def _review(connection: sqlite3.Connection, question: Question, decision: str, gone: int = 0) -> bool:
    """Update a question to the messages that are left. `gone` is a thread that is gone. Return whether the question was
    closed, with this decision."""
    left: dict[int, list[str]] = {}
    for each in AnswerMissed().threads(question):
        people = _asked(connection, each, question.people) if each != gone else []
        if people:
            left[each] = people
    people = [who for who in question.people if any(who in found for found in left.values())]
    if people and question.thread_id != gone:
        _narrow(connection, narrowed(question, [*left], people))
        return False
    for each, found in left.items():
        for who in found:
            _move(connection, each, who, Hold.ASKED, Hold.UNASKED)
    _decide(connection, question, decision)
    return True


def _asked(connection: sqlite3.Connection, thread_id: int, people: Collection[str]) -> list[str]:
    rows = connection.execute(
        "SELECT user FROM inbox WHERE thread_id = ? AND held = ? AND NOT gone", (thread_id, Hold.ASKED)
    )
    return list({str(user): None for (user,) in rows.fetchall() if user in people})


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
    """Record an answer as a message to the bot in each thread that it concerns. No two have the same timestamp."""
    at = at_slacks_time(transition.at, now())
    for number, thread_id in enumerate(transition.requests):
        connection.execute(
            "INSERT OR IGNORE INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at)"
            " VALUES (?, ?, ?, ?, ?, '[]', 1, ?)",
            (thread_id, f"{question.id}-{thread_id}", f"{at}{number:03}", transition.by, transition.words, now()),
        )
        parked_threads.release(connection, thread_id)
