"""Questions to people: recorded, reminded of, closed when they expire. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain

from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Card, Decision, Question
from bot.store.sqlite import audit, posts, question_audit, transitions
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, insert, of_post
from bot.store.sqlite.unreadable import OddRows


def ask(connection: sqlite3.Connection, thread_id: int, card: Card, redact: Sequence[str] = ()) -> None:
    """Record the questions of a card, and the card as a message to post. `redact` is what the audit leaves out."""
    *_, post = posts.owe(connection, thread_id, card.drafts)
    for place, question in enumerate(card.questions):
        insert(connection, question, post, place)
        question_audit.write(connection, question, KINDS[question.kind].requested(question), redact)


def withdraw(connection: sqlite3.Connection, question: str) -> None:
    """Close a message that cannot be shown, with all of its open questions."""
    row = connection.execute("SELECT post FROM questions WHERE id = ?", (question,)).fetchone()
    if row is None:
        return
    for each in of_post(connection, int(row[0])):
        transitions.end(connection, each, Decision.WITHDRAWN)
    connection.execute("UPDATE posts SET state = 'refused', shown = revision WHERE id = ? AND state = 'owed'", row)


def expire(connection: sqlite3.Connection, most: int, odd: OddRows) -> list[int]:
    """Close expired questions, up to `most`; return the thread of each."""
    rows = connection.execute(
        "SELECT id, thread_id FROM questions WHERE decision = 'awaiting' AND expires_at <= ? LIMIT ?",
        (now(), most + odd.known),
    ).fetchall()
    closed: list[int] = []
    for id_, thread_id in rows:

        def one(id_: str = id_) -> bool:
            question = find(connection, id_)
            return question is not None and transitions.end(connection, question, Decision.EXPIRED)

        if odd.around(connection, f"request {id_}", one):
            closed.append(int(thread_id))
    return closed


def unreminded(
    connection: sqlite3.Connection, seconds: Mapping[str, float], most: int, odd: OddRows
) -> list[tuple[int, Question]]:
    """(thread, question) for open questions of these kinds that end within so many seconds, by kind, and of which
    nobody was reminded: those that end first, so many at most."""
    # A row of a kind that nobody knows is read like those of the others, so that it is reported.
    longest = max(seconds.values())
    cases = " ".join("WHEN ? THEN ?" for _ in seconds)
    rows = connection.execute(
        "SELECT id, thread_id FROM questions WHERE decision = 'awaiting' AND NOT reminded"
        f" AND expires_at <= ? AND expires_at > ? AND expires_at <= ? + CASE kind {cases} ELSE ? END"
        " ORDER BY expires_at LIMIT ?",
        (now() + longest, now(), now(), *chain.from_iterable(seconds.items()), longest, most + odd.known),
    ).fetchall()
    found: list[tuple[int, Question | None]] = [
        (int(thread_id), odd.around(connection, f"request {id_}", lambda id_=id_: find(connection, str(id_))))
        for id_, thread_id in rows
    ]
    return [(thread_id, question) for thread_id, question in found if question and question.kind in seconds]


def reminded(connection: sqlite3.Connection, thread_id: int, question: str) -> bool:
    """Record a reminder for this question and for all in its message that the same people may decide. Return False if
    there was one already or the question is decided."""
    open_one = connection.execute(
        "SELECT post, people, no_self FROM questions WHERE id = ? AND NOT reminded AND decision = 'awaiting'",
        (question,),
    ).fetchone()
    if open_one is None:
        return False
    connection.execute(
        "UPDATE questions SET reminded = 1 WHERE decision = 'awaiting' AND (post, people, no_self) = (?, ?, ?)",
        tuple(open_one),
    )
    audit.record(connection, "reminded", thread_id=thread_id, approval=question, facts={})
    return True
