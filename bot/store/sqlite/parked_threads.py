"""Threads that fail repeatedly: failures are counted, the third parks the thread, and a person resumes it; and turns
that a person has continued after they had failed. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.calls import CallState
from bot.core.limits import TRIES
from bot.core.posts import Draft
from bot.core.questions import retry
from bot.core.transaction import Change
from bot.store.sqlite import posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import insert


def failed(connection: sqlite3.Connection, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
    """Count a run that ended with an error. People are notified of the first; the third in a row parks the thread.
    Return whether it is parked."""
    found = connection.execute(
        "UPDATE threads SET failures = failures + 1 WHERE id = ? AND parked = '' RETURNING failures", (thread_id,)
    ).fetchone()
    if found is None:
        return True
    begun = connection.execute(
        "SELECT attempts FROM turns WHERE thread_id = ? AND ended_at IS NULL", (thread_id,)
    ).fetchone()
    if found[0] >= TRIES or (begun is not None and begun[0] >= TRIES):
        park(connection, thread_id, parked)
        return True
    if found[0] == 1:
        posts.owe(connection, thread_id, sorry)
    return False


def park(connection: sqlite3.Connection, thread_id: int, draft: Draft) -> None:
    """Stop working on this thread until a person resumes it. The draft says so, and its key is the value of the Retry
    button."""
    if connection.execute(
        "UPDATE threads SET parked = ? WHERE id = ? AND parked = ''", (draft.key, thread_id)
    ).rowcount:
        [post] = posts.owe(connection, thread_id, [draft])
        insert(connection, retry.question(draft.key, thread_id), post, 0)


def release(connection: sqlite3.Connection, thread_id: int) -> None:
    """Resume a parked thread after a person has written or decided something, and remove the button from its
    message."""
    row = connection.execute("SELECT parked FROM threads WHERE id = ? AND parked <> ''", (thread_id,)).fetchone()
    if row is None:
        return
    connection.execute("UPDATE threads SET parked = '', failures = 0 WHERE id = ?", (thread_id,))
    connection.execute("UPDATE turns SET attempts = 0 WHERE thread_id = ? AND ended_at IS NULL", (thread_id,))
    connection.execute(
        "UPDATE questions SET decision = ?, decided_at = ? WHERE id = ? AND decision = 'awaiting'",
        (retry.RETRIED, now(), *row),
    )
    connection.execute("UPDATE posts SET revision = revision + 1 WHERE key = ?", row)


def reopen(connection: sqlite3.Connection, turn: int) -> None:
    """Continue a turn that has failed, with all that was recorded of it."""
    connection.execute(
        "UPDATE turns SET ended_at = NULL, outcome = NULL, attempts = 0 WHERE id = ? AND outcome = 'failed'", (turn,)
    )


def changed(connection: sqlite3.Connection, thread_id: int, change: Change) -> None:
    """Reset the failures of a thread after a change that is progress."""
    ended = any(call.state is CallState.FINISHED for call in change.calls)
    if ended or change.outcome or (change.messages and change.gets_on):
        connection.execute("UPDATE threads SET failures = 0 WHERE id = ? AND failures > 0", (thread_id,))


def uncount(connection: sqlite3.Connection, thread_id: int) -> None:
    """Take back the count of the last request to the model, which we cancelled ourselves."""
    connection.execute(
        "UPDATE turns SET attempts = attempts - 1 WHERE thread_id = ? AND ended_at IS NULL AND attempts > 0",
        (thread_id,),
    )
