"""Threads that fail again and again: counted, parked after the third time, taken up again by a person. Functions over a
connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.calls import CallState
from bot.core.limits import TRIES
from bot.core.posts import Draft
from bot.core.questions import Retry, Settlement, Verdict
from bot.core.transaction import Change
from bot.store.sqlite import posts

PEOPLE = (
    "SELECT requester FROM turns WHERE thread_id = :thread AND ended_at IS NULL"
    " UNION SELECT i.user FROM turns t JOIN inbox i ON i.thread_id = t.thread_id AND i.seq >= t.first"
    " WHERE t.thread_id = :thread AND t.ended_at IS NULL AND i.addressed"
    " UNION SELECT user FROM inbox WHERE thread_id = :thread AND seq IS NULL AND addressed"
)
"""Who has addressed the bot in the open turn, or is about to open one."""


def failed(connection: sqlite3.Connection, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
    """A run was ended by an error: count it. The first is told people, the third in a row parks the thread. Out:
    whether it is parked."""
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
    """Nothing is done for this thread any more until a person says so. The draft tells them, and its key is what the
    button carries."""
    if connection.execute(
        "UPDATE threads SET parked = ? WHERE id = ? AND parked = ''", (draft.key, thread_id)
    ).rowcount:
        posts.owe(connection, thread_id, [draft])


def release(connection: sqlite3.Connection, thread_id: int) -> None:
    """A person has said or decided something: a parked thread goes on, and its message loses the button."""
    row = connection.execute("SELECT parked FROM threads WHERE id = ? AND parked <> ''", (thread_id,)).fetchone()
    if row is None:
        return
    connection.execute("UPDATE threads SET parked = '', failures = 0 WHERE id = ?", (thread_id,))
    connection.execute("UPDATE turns SET attempts = 0 WHERE thread_id = ? AND ended_at IS NULL", (thread_id,))
    connection.execute("UPDATE posts SET revision = revision + 1 WHERE key = ?", row)


def changed(connection: sqlite3.Connection, thread_id: int, change: Change) -> None:
    """Of a run that makes this change something may have come: failures before it do not count any more."""
    ended = any(call.state is CallState.FINISHED for call in change.calls)
    if ended or change.outcome or (change.messages and change.gets_on):
        connection.execute("UPDATE threads SET failures = 0 WHERE id = ? AND failures > 0", (thread_id,))


def uncount(connection: sqlite3.Connection, thread_id: int) -> None:
    """The request to the model that was begun last was called off by ourselves."""
    connection.execute(
        "UPDATE turns SET attempts = attempts - 1 WHERE thread_id = ? AND ended_at IS NULL AND attempts > 0",
        (thread_id,),
    )


def retry(connection: sqlite3.Connection, pressed: Retry) -> Settlement:
    """Let a click on Retry take the thread up again, if it may: once, on that message, by somebody of the turn."""
    row = connection.execute(
        "SELECT p.thread_id, p.ts, t.team, t.channel, t.parked FROM posts p JOIN threads t ON t.id = p.thread_id"
        " WHERE p.key = ? AND p.kind = 'parked'",
        (pressed.parked,),
    ).fetchone()
    if row is None:
        return Settlement(Verdict.UNKNOWN)
    thread_id, ts, team, channel, parked = row
    # After a crash in between its timestamp is not recorded: the key, which is on that message alone, identifies it.
    if (pressed.team, pressed.channel) != (team, channel) or (ts and ts != pressed.message_ts):
        return Settlement(Verdict.UNKNOWN)
    if parked != pressed.parked:
        return Settlement(Verdict.ALREADY, thread_id)
    people = {user for (user,) in connection.execute(PEOPLE, {"thread": thread_id})}
    if not pressed.user or pressed.user not in people:
        return Settlement(Verdict.NOT_YOURS, thread_id)
    release(connection, thread_id)
    return Settlement(Verdict.SETTLED, thread_id)
