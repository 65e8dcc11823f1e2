"""Messages that are too old to be answered unasked, and the questions about them. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from bot.core.outages import Held
from bot.core.questions.missed import MISSED, TAKEN_UP, extended
from bot.core.questions.question import Card, Question
from bot.core.questions.transition import Transition
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import parked_threads, posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, insert, touch, wait_for

MOST = 100
"""Threads with such messages that are looked at per query."""
_UNASKED = (
    "SELECT ts, user FROM inbox i WHERE thread_id = ? AND held = 1 AND NOT EXISTS (SELECT 1 FROM inbox u"
    " WHERE u.thread_id = i.thread_id AND u.seq IS NULL AND u.addressed AND u.user = i.user) ORDER BY ts"
)
"""What was held of those who have not written again."""


def held(connection: sqlite3.Connection) -> list[Held]:
    """Return the threads with messages that were held and whose authors were not asked yet."""
    found: list[Held] = []
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
            found.append(Held(int(thread_id), ThreadRef(*place), str(messages[-1][0]), people))
    return found


def offer(connection: sqlite3.Connection, card: Card, threads: Sequence[int]) -> None:
    """Ask the question of a card, unless nothing is held in these threads any more. If one is open in its thread, that
    is extended."""
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
    """These people have written to the bot again, and are answered: the questions that were for nobody else are
    closed."""
    if not people:
        return
    for user in people:
        connection.execute("UPDATE inbox SET held = 2 WHERE thread_id = ? AND held = 1 AND user = ?", (thread_id, user))
    for question in _open(connection, thread_id):
        if set(question.people) <= set(people):
            connection.execute(
                "UPDATE questions SET decision = ?, decided_at = ? WHERE id = ? AND decision = 'awaiting'",
                (TAKEN_UP, now(), question.id),
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
            (thread_id, f"{question.id}-{thread_id}", f"{now():.6f}", transition.by, transition.words, now()),
        )
        parked_threads.release(connection, thread_id)
