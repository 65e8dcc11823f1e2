"""Questions to people: recorded, reminded of, closed when they expire. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain

from bot.core.posts import Draft
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Approval, Card, Decision, Question
from bot.core.questions.unanswerable import DELETED
from bot.store.sqlite import audit, posts, question_audit, transitions
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, insert, of_post
from bot.store.sqlite.unreadable import OddRows


def ask(connection: sqlite3.Connection, thread_id: int, card: Card, redact: Sequence[str] = ()) -> None:
    """Record the questions of a card, and the card as a message to post, or in place of the message of the question
    that an edit has closed. `redact` is what the audit leaves out."""
    edited = _edited(connection, card)
    if edited is None:
        *_, post = posts.owe(connection, thread_id, card.drafts)
        posts.owe_copies(connection, thread_id, post, card.copies)
        posts.owe(connection, thread_id, card.notes)
    else:
        post = _take_place(connection, thread_id, edited[0], card)
    for place, question in enumerate(card.questions, start=edited[1] if edited else _next_place(connection, post)):
        insert(connection, question, post, place)
        if question.decision == Decision.AWAITING:
            question_audit.write(connection, question, KINDS[question.kind].requested(question), redact)


def _next_place(connection: sqlite3.Connection, post: int) -> int:
    """Return the place of the next question of a message, which may have records of calls already."""
    row = connection.execute("SELECT coalesce(max(place) + 1, 0) FROM questions WHERE post = ?", (post,)).fetchone()
    return int(row[0])


def _edited(connection: sqlite3.Connection, card: Card) -> tuple[int, int] | None:
    """Return the message of the question that an edit has closed, and its place there, if this card asks about the
    changed call and the message is still there."""
    about = card.questions[0]
    if len(card.questions) != 1 or not isinstance(about, Approval):
        return None
    rows = connection.execute(
        "SELECT q.created_at, q.decision, q.post, q.place, p.state FROM questions q JOIN posts p ON p.id = q.post"
        " WHERE q.call = ?",
        (about.call.id,),
    ).fetchall()
    if not rows:
        return None
    _, decision, post, place, state = max(rows)
    return (int(post), int(place)) if decision == Decision.EDITED and state in ("owed", "posted") else None


def _take_place(connection: sqlite3.Connection, thread_id: int, post: int, card: Card) -> int:
    """Have a message show a card from now on. Return the message."""
    posts.owe(connection, thread_id, card.drafts[:-1])
    posts.redraw(connection, post)
    asked = {str(person) for (person,) in connection.execute("SELECT person FROM posts WHERE copy_of = ?", (post,))}
    copies = [(person, draft) for person, draft in card.copies if person not in asked]
    posts.owe_copies(connection, thread_id, post, copies)
    if copies:
        posts.owe(connection, thread_id, card.notes)
    return post


def withdraw(connection: sqlite3.Connection, question: str) -> None:
    """Close a message that cannot be shown, with all of its open questions."""
    row = connection.execute("SELECT post FROM questions WHERE id = ?", (question,)).fetchone()
    if row is None:
        return
    for each in of_post(connection, int(row[0])):
        transitions.end(connection, each, Decision.WITHDRAWN)
    connection.execute("UPDATE posts SET state = 'refused', shown = revision WHERE id = ? AND state = 'owed'", row)


def unchecked(connection: sqlite3.Connection, before: float, most: int, odd: OddRows) -> list[Question]:
    """Return open questions about calls of which nobody has looked since then whether those who may approve are there,
    those that were looked at first at the front."""
    rows = connection.execute(
        "SELECT id FROM questions WHERE decision = 'awaiting' AND checked_at <= ? ORDER BY checked_at LIMIT ?",
        (before, most + odd.known),
    ).fetchall()
    found = [odd.around(connection, f"request {id_}", lambda id_=id_: find(connection, str(id_))) for (id_,) in rows]
    return [question for question in found if question is not None]


def checked(
    connection: sqlite3.Connection,
    question: str,
    copies: Sequence[tuple[str, Draft]],
    notes: Sequence[Draft],
    closed: str,
) -> None:
    """Record that somebody has looked at who is there to answer a question, and what follows."""
    found = find(connection, question)
    connection.execute("UPDATE questions SET checked_at = ? WHERE id = ?", (now(), question))
    if found is None or found.decision != Decision.AWAITING:
        return
    [(card,)] = connection.execute("SELECT post FROM questions WHERE id = ?", (question,)).fetchall()
    posts.owe_copies(connection, found.thread_id, card, copies)
    posts.owe(connection, found.thread_id, notes)
    if closed:
        transitions.end(connection, found, Decision.WITHDRAWN, reason=closed)


def asks(connection: sqlite3.Connection, channel: str, ts: str) -> bool:
    """Return whether this is a message of ours with an open question."""
    row = _message(connection, channel, ts)
    return row is not None and bool(_asked(connection, row[2] or row[0]))


def _message(connection: sqlite3.Connection, channel: str, ts: str) -> tuple[int, int, int | None, int] | None:
    """Return a message in Slack: its id, its thread, the card that it is a copy of, how often it was deleted."""
    return connection.execute(
        "SELECT p.id, p.thread_id, p.copy_of, p.deleted FROM posts p JOIN threads t ON t.id = p.thread_id"
        " WHERE p.ts = ? AND p.ts <> '' AND p.state = 'posted'"
        " AND CASE p.person WHEN '' THEN t.channel ELSE p.channel END = ?",
        (ts, channel),
    ).fetchone()


def _asked(connection: sqlite3.Connection, card: int) -> list[Question]:
    return [each for each in of_post(connection, card) if each.decision == Decision.AWAITING]


def deleted(connection: sqlite3.Connection, channel: str, ts: str, notice: Draft) -> int:
    """Take note that a message is no longer in Slack although we have not deleted it. One with open questions is posted
    once more; the second time its questions are closed, which the notice says. Return its thread; 0 if it asks
    nothing, or is known to be gone."""
    row = _message(connection, channel, ts)
    if row is None:
        return 0
    post, thread_id, copy_of, times = row
    asked = _asked(connection, copy_of or post)
    if not asked:
        return 0
    if not times:
        connection.execute(
            "UPDATE posts SET state = 'owed', ts = '', streaming = 0, revision = revision + 1, deleted = 1"
            " WHERE id = ?",
            (post,),
        )
        return int(thread_id)
    connection.execute("UPDATE posts SET state = 'removed', deleted = deleted + 1 WHERE id = ?", (post,))
    if copy_of:
        # Somebody else may be asked instead.
        connection.execute("UPDATE questions SET checked_at = 0 WHERE post = ? AND decision = 'awaiting'", (copy_of,))
        return int(thread_id)
    for each in asked:
        transitions.end(connection, each, Decision.WITHDRAWN, reason=DELETED)
    posts.owe(connection, thread_id, [notice])
    return int(thread_id)


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
