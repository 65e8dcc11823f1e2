"""Calls that wait until a person has signed in. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from bot.core.questions import sign_in
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.transition import CallStep
from bot.core.sign_in_wait import SignInWait
from bot.store.sqlite import call_rows, posts
from bot.store.sqlite.question_rows import find, touch, touch_all

_WAITING = (
    "SELECT w.call FROM sign_in_waits w JOIN calls c ON c.id = w.call"
    " WHERE w.question = ? AND c.state = 'awaiting' AND c.asked"
)


def wait(
    connection: sqlite3.Connection, thread_id: int, wanted: SignInWait, ask: Callable[[Card], None], *, stopped: bool
) -> None:
    """Have a call wait for the sign-in of its person to its server, for which they are asked if they are not already.

    If the question has been closed since it was found open, the call only has to look again. In a turn that was
    stopped nobody is asked, and the call ends.
    """
    if stopped:
        connection.execute(
            "UPDATE calls SET state = 'finished', outcome = 'stopped' WHERE id = ? AND state = 'awaiting'",
            (wanted.call.id,),
        )
        call_rows.renew(connection, wanted.call)
        return
    row = connection.execute(
        "SELECT question FROM sign_ins WHERE person = ? AND server = ?", (wanted.person, wanted.server)
    ).fetchone()
    asked = find(connection, str(row[0])) if row else None
    if asked is not None and asked.decision == Decision.AWAITING:
        posts.owe(connection, thread_id, wanted.notice)
        if body := sign_in.joined(asked, thread_id):
            connection.execute("UPDATE questions SET body = ? WHERE id = ?", (body, asked.id))
        question = asked.id
    elif wanted.card is not None:
        ask(wanted.card)
        question = wanted.card.questions[0].id
        connection.execute(
            "INSERT INTO sign_ins (question, person, server, state, sealed) VALUES (?, ?, ?, ?, ?)",
            (question, wanted.person, wanted.server, wanted.state, wanted.sealed),
        )
    else:
        connection.execute("UPDATE calls SET state = 'ready' WHERE id = ?", (wanted.call.id,))
        call_rows.renew(connection, wanted.call)
        return
    connection.execute(
        "INSERT INTO sign_in_waits (call, question) VALUES (?, ?)"
        " ON CONFLICT (call) DO UPDATE SET question = excluded.question, times = times + 1",
        (wanted.call.id, question),
    )
    connection.execute("UPDATE calls SET asked = 1 WHERE id = ?", (wanted.call.id,))
    connection.execute(
        "UPDATE turns SET asked = asked + 1 WHERE id = (SELECT turn_id FROM calls WHERE id = ?)", (wanted.call.id,)
    )


def settle(connection: sqlite3.Connection, question: Question, step: CallStep) -> None:
    """Move all calls that wait for a question, which is decided."""
    for (call,) in connection.execute(_WAITING, (question.id,)).fetchall():
        _unask(connection, call)
        connection.execute(
            "UPDATE calls SET state = ?, outcome = ?, result = coalesce(?, result) WHERE id = ?",
            (step.state, step.outcome, step.result, call),
        )
        touch_all(connection, call)
    connection.execute("DELETE FROM sign_ins WHERE question = ?", (question.id,))


def leave(connection: sqlite3.Connection, thread_id: int) -> Iterator[Question]:
    """Have the calls of a thread's open turn wait no more. Yield the questions for which none waits any more."""
    rows = connection.execute(
        "SELECT w.call, w.question FROM turns u JOIN calls c ON c.turn_id = u.id JOIN sign_in_waits w ON w.call = c.id"
        " WHERE u.thread_id = ? AND u.ended_at IS NULL AND c.state = 'awaiting' AND c.asked",
        (thread_id,),
    ).fetchall()
    left = dict.fromkeys(str(question) for _, question in rows)
    for call, _ in rows:
        _unask(connection, call)
    for question in left:
        found = find(connection, question)
        if found is None or found.decision != Decision.AWAITING:
            continue
        if connection.execute(f"{_WAITING} LIMIT 1", (question,)).fetchone() is None:
            yield found
        else:
            touch(connection, question)


def _unask(connection: sqlite3.Connection, call: int) -> None:
    connection.execute("UPDATE calls SET asked = 0 WHERE id = ?", (call,))
    connection.execute(
        "UPDATE turns SET asked = asked - 1 WHERE id = (SELECT turn_id FROM calls WHERE id = ?)", (call,)
    )
