"""The question whether what waits is denied for what its requester has written meanwhile. Functions over a connection,
inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.calls import INSTEAD
from bot.core.posts import Draft
from bot.core.questions import follow_up
from bot.core.questions.follow_up import FOLLOW_UP, OPEN, OVER, FollowUp
from bot.core.questions.question import Approval, CallKind, Question
from bot.core.questions.transition import Said
from bot.store.sqlite import held_messages, posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, insert, of_thread, touch


def offer(connection: sqlite3.Connection, thread_id: int, written: FollowUp) -> None:
    """Ask whether to do what was written, once for a step: the notice shows what is unread now, and goes if that is
    nothing."""
    found = find(connection, follow_up.question_id(thread_id, written.seq))
    if found is not None and found.decision in OPEN:
        if not written.said:
            _close(connection, found)
        elif found.body != follow_up.body(written.said):
            _write(connection, found.id, written.said)
        return
    asked = [each for each in of_thread(connection, thread_id) if isinstance(each, Approval)]
    if not asked or not written.said:
        return
    question = follow_up.question(thread_id, written, follow_up.deciders(asked))
    key = question.id if found is None else f"{question.id}-{written.said[-1].id}-{now():.6f}"
    [post] = posts.owe(connection, thread_id, [Draft(key, FOLLOW_UP, "{}")])
    if found is None:
        insert(connection, question, post, 0)
        return
    connection.execute(
        "UPDATE questions SET post = ?, people = ? WHERE id = ?", (post, " ".join(question.people), question.id)
    )
    _write(connection, question.id, written.said)


def taken(connection: sqlite3.Connection, question: Question, said: Sequence[Said]) -> str:
    """Mark messages as read with the result of the first request that is denied for them. Return what the model reads;
    what was edited or withdrawn meanwhile is left to be read as a message."""
    seq = _position(connection, question.thread_id)
    quoted: list[str] = []
    for each in said if seq else ():
        marked = connection.execute(
            "UPDATE inbox SET seq = ?, told = 1 WHERE id = ? AND thread_id = ? AND version = ? AND addressed"
            " AND seq IS NULL",
            (seq, each.id, question.thread_id, each.version),
        )
        if marked.rowcount:
            quoted.append(each.quoted)
    if quoted:
        held_messages.answered(connection, question.thread_id, {question.requester})
    return "\n".join(quoted)


def _position(connection: sqlite3.Connection, thread_id: int) -> int:
    """Return where in the log the result of the first call will be that waits to be denied; 0 if there is none."""
    asked = [each for each in of_thread(connection, thread_id) if isinstance(each, Approval)]
    calls = [each.call for each in asked if each.kind == CallKind.MAY_IT_RUN]
    if not calls:
        return 0
    first = min(calls, key=lambda call: call.position)
    # The results follow the message that made the calls, in the order of the calls.
    [before] = connection.execute(
        "SELECT count(*) FROM calls WHERE turn_id = (SELECT turn_id FROM calls WHERE id = ?) AND seq = ?"
        " AND position < ?",
        (first.id, first.seq, first.position),
    ).fetchone()
    return first.seq + 1 + int(before)


def deny_unasked(connection: sqlite3.Connection, thread_id: int) -> None:
    """Deny the calls that nobody has been asked about yet."""
    connection.execute(
        "UPDATE calls SET state = 'finished', outcome = 'denied', result = ?"
        " WHERE thread_id = ? AND state = 'awaiting' AND state <> 'finished' AND NOT asked",
        (INSTEAD, thread_id),
    )


def settle(connection: sqlite3.Connection, decided: Approval) -> None:
    """Close the question of a step once none of its requests waits any more."""
    if any(isinstance(each, Approval) for each in of_thread(connection, decided.thread_id)):
        return
    found = find(connection, follow_up.question_id(decided.thread_id, decided.call.seq))
    if found is not None and found.decision in OPEN:
        _close(connection, found)


def amended(connection: sqlite3.Connection, thread_id: int, message: int) -> bool:
    """An unread message was edited or deleted: have the notice that shows it show it as it is now, or without it.
    Return whether there is one."""
    step = connection.execute(
        "SELECT max(seq) FROM calls WHERE turn_id = (SELECT id FROM turns WHERE thread_id = ? AND ended_at IS NULL)",
        (thread_id,),
    ).fetchone()[0]
    found = find(connection, follow_up.question_id(thread_id, int(step))) if step is not None else None
    if found is None or found.decision not in OPEN:
        return False
    said = follow_up.said(found)
    if message not in [each.id for each in said]:
        return False
    unread = connection.execute("UPDATE inbox SET told = 0 WHERE id = ? AND seq IS NULL AND addressed", (message,))
    if unread.rowcount:
        return True  # the agent reads it, and offers it again
    left = [each for each in said if each.id != message]
    if left:
        _write(connection, found.id, left)
    else:
        _close(connection, found)
    return True


def _write(connection: sqlite3.Connection, question: str, said: Sequence[Said]) -> None:
    connection.execute(
        "UPDATE questions SET body = ?, decision = 'awaiting', decided_by = '' WHERE id = ?",
        (follow_up.body(said), question),
    )
    touch(connection, question)


def _close(connection: sqlite3.Connection, found: Question) -> None:
    connection.execute("UPDATE questions SET decision = ?, decided_at = ? WHERE id = ?", (OVER, now(), found.id))
    touch(connection, found.id)
