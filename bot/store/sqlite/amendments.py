"""Applies edits and deletions of messages: unread messages change, and changes of read ones are reported. Functions on
a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.core.amendments import (
    ADMITTED,
    DELETED,
    EDITED,
    Amendment,
    AmendmentOutcome,
    edit_adds_request,
    is_request_after_edit,
)
from bot.core.inbox import SETTLED, Admission, AuthorKind, Incoming
from bot.core.outages import Hold
from bot.core.thread import QUESTION_DELETED
from bot.store.sqlite import (
    audit,
    compactions,
    early_amendments,
    follow_ups,
    held_messages,
    inbox,
    log,
    parked_threads,
    transitions,
)
from bot.store.sqlite.database import now

UNREAD = (AmendmentOutcome.REMOVED, AmendmentOutcome.UPDATED, AmendmentOutcome.STARTS)
"""What becomes of changes of messages that nobody has read yet."""
RECENT_TURNS = 1_000
"""Turns that are searched for one whose answer is not posted yet."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A message of the inbox."""

    id: int
    user: str
    text: str
    body: str
    files: str
    author: str
    label: str
    addressed: bool
    seq: int | None
    version: str
    gone: bool
    held: int

    @property
    def is_settled(self) -> bool:
        """Whether its author stopped a turn with it, or after it, or chose a model, or it was an app's and was stopped.
        However it is edited, it is never a request again."""
        return self.label in SETTLED if self.author == AuthorKind.PERSON else self.held == Hold.DONE


_COLUMNS = "id, user, text, body, files, author, label, addressed, seq, version, gone, held"


def amend(connection: sqlite3.Connection, change: Amendment) -> tuple[AmendmentOutcome, int]:
    """Record an edit or deletion. Return what follows, and the thread's id (0 if there is none)."""
    thread_id = inbox.thread(connection, change.place)
    row = _find(connection, thread_id, change.ts) if thread_id else None
    if change.now is None:
        done = _delete(connection, thread_id, row, change)
    elif row is not None:
        done = _edit(connection, thread_id, row, change, change.now)
    else:
        return _edit_unknown(connection, thread_id, change, change.now)
    if (
        row is not None
        and row.seq is None
        and done in (AmendmentOutcome.REMOVED, AmendmentOutcome.UPDATED, AmendmentOutcome.STARTS)
    ):
        shown = follow_ups.amended(connection, thread_id, row.id)
        return (AmendmentOutcome.TAKEN_BACK if shown and done is not AmendmentOutcome.STARTS else done), thread_id
    return done, thread_id


def _find(connection: sqlite3.Connection, thread_id: int, ts: str) -> _Row | None:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM inbox WHERE thread_id = ? AND ts = ?", (thread_id, ts)
    ).fetchone()
    return _Row(*found) if found else None


# --- edits


def _edit(
    connection: sqlite3.Connection, thread_id: int, row: _Row, change: Amendment, said: Incoming
) -> AmendmentOutcome:
    if row.gone or said.version <= row.version:
        return AmendmentOutcome.IGNORED
    connection.execute(
        "UPDATE inbox SET text = ?, body = ?, files = '[]', version = ? WHERE id = ?",
        (said.text, said.body, said.version, row.id),
    )
    if row.seq is None:
        return _edit_unread(connection, thread_id, row, change, said)
    if (said.text, said.body) == (row.text, row.body):
        return AmendmentOutcome.IGNORED
    report = connection.execute("SELECT addressed FROM inbox WHERE about = ? AND seq IS NULL", (row.id,)).fetchone()
    reported = bool(report and report[0])
    counted = row.addressed or bool(row.held)
    addressed = not row.is_settled and edit_adds_request(change, said, counted=counted, reported=reported)
    is_late = addressed and said.late
    addressed = addressed and not is_late
    _report(connection, thread_id, replace(row, text=said.text, body=said.body), EDITED, change, addressed=addressed)
    if addressed != reported:
        # The message itself counts as a request from now on, so that no later edit makes it one again.
        connection.execute("UPDATE inbox SET addressed = ? WHERE id = ?", (addressed, row.id))
    if addressed:
        return _start(connection, thread_id, row)
    if is_late and not row.held:
        _hold(connection, thread_id, row)
    if reported:
        _leave(connection, thread_id, row)
    return AmendmentOutcome.REPORTED


def _edit_unread(
    connection: sqlite3.Connection, thread_id: int, row: _Row, change: Amendment, said: Incoming
) -> AmendmentOutcome:
    follows = row.author == AuthorKind.PERSON and _follows(connection, thread_id, row, change.ts)
    before = row.addressed or bool(row.held)
    asks = not row.is_settled and is_request_after_edit(change, said, counted=before, follows=follows)
    if asks and not row.addressed and (row.held or said.late):
        if not row.held:
            _hold(connection, thread_id, row)
        return AmendmentOutcome.UPDATED
    held = row.held if row.is_settled else Hold.NONE
    connection.execute("UPDATE inbox SET addressed = ?, held = ? WHERE id = ?", (asks, held, row.id))
    if asks:
        return _start(connection, thread_id, row)
    if before:
        _leave(connection, thread_id, row)
    if row.held and held_messages.taken_back(connection, thread_id, row.user):
        return AmendmentOutcome.TAKEN_BACK
    return AmendmentOutcome.UPDATED


def _hold(connection: sqlite3.Connection, thread_id: int, row: _Row) -> None:
    """Mark a message that became a request too late as held, so that its author is asked whether to answer it."""
    if row.author == AuthorKind.PERSON:
        connection.execute("UPDATE inbox SET held = 1 WHERE id = ?", (row.id,))
        connection.execute("INSERT OR IGNORE INTO participants (thread_id, user) VALUES (?, ?)", (thread_id, row.user))


def _edit_unknown(
    connection: sqlite3.Connection, thread_id: int, change: Amendment, said: Incoming
) -> tuple[AmendmentOutcome, int]:
    """Record an edit of a message that was not delivered, did not concern the bot, or was left out of a long
    history."""
    if change.is_own:
        return AmendmentOutcome.IGNORED, thread_id
    known = early_amendments.find(connection, change)
    if known is not None and (known[1] or known[0] >= said.version):
        return AmendmentOutcome.IGNORED, thread_id
    if change.in_time:
        if thread_id and _is_earlier(connection, thread_id, change.ts):
            said = replace(said, earlier=True)
        admission, thread_id = inbox.admit(connection, said)
        if admission is not Admission.IGNORED:
            return ADMITTED[admission], thread_id
    if known is None and not thread_id and not change.concerns_us:
        return AmendmentOutcome.IGNORED, 0
    early_amendments.keep(connection, change)
    return AmendmentOutcome.REMEMBERED, thread_id


def _start(connection: sqlite3.Connection, thread_id: int, row: _Row) -> AmendmentOutcome:
    if row.author == AuthorKind.PERSON:
        connection.execute("INSERT OR IGNORE INTO participants (thread_id, user) VALUES (?, ?)", (thread_id, row.user))
    parked_threads.release(connection, thread_id)
    return AmendmentOutcome.STARTS


def _follows(connection: sqlite3.Connection, thread_id: int, row: _Row, ts: str) -> bool:
    """Return whether the author has addressed the bot in another message, and the bot was in the thread before this
    one."""
    found = connection.execute(
        "SELECT 1 FROM inbox WHERE thread_id = ? AND user = ? AND addressed AND id <> ? AND about IS NULL LIMIT 1",
        (thread_id, row.user, row.id),
    ).fetchone()
    return found is not None and not _is_earlier(connection, thread_id, ts)


def _is_earlier(connection: sqlite3.Connection, thread_id: int, ts: str) -> bool:
    """Return whether a message was written before the bot was first addressed in the thread."""
    found = connection.execute(
        "SELECT 1 FROM inbox WHERE thread_id = ? AND ts < ? AND addressed LIMIT 1", (thread_id, ts)
    ).fetchone()
    return found is None


def _leave(connection: sqlite3.Connection, thread_id: int, row: _Row) -> None:
    """Remove a person from the participants if they have addressed the bot in no other message."""
    connection.execute(
        "DELETE FROM participants WHERE thread_id = ? AND user = ? AND NOT EXISTS"
        " (SELECT 1 FROM inbox WHERE thread_id = ? AND user = ? AND (addressed OR held) AND id <> ?)",
        (thread_id, row.user, thread_id, row.user, row.id),
    )


def _report(
    connection: sqlite3.Connection, thread_id: int, row: _Row, what: str, change: Amendment, *, addressed: bool
) -> None:
    """Add a report of the change for the model. An unread report of the same message is replaced."""
    version = change.now.version if change.now else change.at
    # Distinct, and in the order of the changes.
    ts = f"{change.at}{row.id:07}"
    written = (ts, row.text, row.body, row.files if what == DELETED else "[]", addressed, version, what)
    replaced = connection.execute(
        "UPDATE inbox SET ts = ?, text = ?, body = ?, files = ?, addressed = ?, version = ?, change = ?, told = 0"
        " WHERE about = ? AND seq IS NULL",
        (*written, row.id),
    )
    if replaced.rowcount == 0:
        connection.execute(
            "INSERT INTO inbox (ts, text, body, files, addressed, version, change, about, thread_id, event_id, user,"
            " author, label, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*written, row.id, thread_id, f"change-{row.id}-{version}", row.user, row.author, row.label, now()),
        )


# --- deletions


def _delete(connection: sqlite3.Connection, thread_id: int, row: _Row | None, change: Amendment) -> AmendmentOutcome:
    known = early_amendments.find(connection, change)
    done = AmendmentOutcome.IGNORED
    if row is None and not (known and known[1]) and not change.is_own and (thread_id or change.concerns_us):
        early_amendments.keep(connection, change)
        done = AmendmentOutcome.REMEMBERED
    elif row is not None and row.seq is None:
        connection.execute("DELETE FROM inbox WHERE id = ?", (row.id,))
        early_amendments.keep(connection, change)
        if row.addressed or row.held:
            _leave(connection, thread_id, row)
        done = AmendmentOutcome.REMOVED
    elif row is not None and not row.gone:
        done = _delete_read(connection, thread_id, row, change)
    if row is not None and row.held and held_messages.taken_back(connection, thread_id, row.user):
        done = AmendmentOutcome.TAKEN_BACK if done is not AmendmentOutcome.STOPPED else done
    if change.ends_thread and thread_id:
        is_there = connection.execute("SELECT 1 FROM threads WHERE id = ? AND gone = ''", (thread_id,)).fetchone()
        close_thread(connection, thread_id, change.at)
        return AmendmentOutcome.CLOSED if is_there else done
    return done


def _delete_read(connection: sqlite3.Connection, thread_id: int, row: _Row, change: Amendment) -> AmendmentOutcome:
    connection.execute(
        "UPDATE inbox SET gone = 1, held = CASE held WHEN ? THEN ? ELSE held END WHERE id = ?",
        (Hold.UNASKED, Hold.DONE, row.id),
    )
    if row.seq is not None:
        compactions.deleted(connection, thread_id, row.seq)
    _report(connection, thread_id, row, DELETED, change, addressed=False)
    requests = _requests(connection, thread_id)
    if row.id in requests:
        held_messages.uncovered(connection, thread_id, row.user, answered=False)
        if not all(requests.values()):
            return AmendmentOutcome.REPORTED
        stop(connection, thread_id)
        return AmendmentOutcome.STOPPED
    dropped, retries = _drop_answer(connection, thread_id, row.id)
    if row.addressed:
        held_messages.uncovered(connection, thread_id, row.user, answered=not (dropped or retries))
    return AmendmentOutcome.STOPPED if retries else AmendmentOutcome.REPORTED


def _requests(connection: sqlite3.Connection, thread_id: int) -> dict[int, bool]:
    """Return the messages that the open turn answers, and whether they were deleted."""
    rows = connection.execute(
        "SELECT coalesce(i.about, i.id), i.gone OR coalesce(o.gone, 0) FROM turns t"
        " JOIN inbox i ON i.thread_id = t.thread_id AND i.seq >= t.first LEFT JOIN inbox o ON o.id = i.about"
        " WHERE t.thread_id = ? AND t.ended_at IS NULL AND i.addressed",
        (thread_id,),
    )
    return _by_message(rows)


def _by_message(rows: Iterable[Sequence[int]]) -> dict[int, bool]:
    return {int(id_): bool(gone) for id_, gone in rows}


def _drop_answer(connection: sqlite3.Connection, thread_id: int, message: int) -> tuple[bool, bool]:
    """Remove an answer that is not posted yet if all its requests were deleted. A failed turn can then no longer be
    retried. Return whether there was such an answer, and whether such a turn."""
    turn = connection.execute(
        "SELECT first FROM turns WHERE id > (SELECT max(id) FROM turns) - ? AND thread_id = ? ORDER BY id DESC LIMIT 1",
        (RECENT_TURNS, thread_id),
    ).fetchone()
    if turn is None:
        return False, False
    rows = connection.execute(
        "SELECT coalesce(i.about, i.id), i.gone OR coalesce(o.gone, 0) FROM inbox i LEFT JOIN inbox o ON o.id = i.about"
        " WHERE i.thread_id = ? AND i.seq >= ? AND i.addressed",
        (thread_id, *turn),
    )
    requests = _by_message(rows)
    if message in requests and all(requests.values()) and not log.has_open_turn(connection, thread_id):
        removed = connection.execute(
            "UPDATE posts SET state = 'removed' WHERE thread_id = ? AND state = 'owed' AND kind = 'answer'",
            (thread_id,),
        )
        return removed.rowcount > 0, transitions.pass_over(connection, thread_id)
    return False, False


def stop(connection: sqlite3.Connection, thread_id: int) -> None:
    """Stop the open turn of a thread, because its requests were deleted."""
    turn = connection.execute("SELECT id FROM turns WHERE thread_id = ? AND ended_at IS NULL", (thread_id,)).fetchone()
    if turn is None:
        return
    transitions.stop(connection, thread_id, QUESTION_DELETED)
    audit.record(connection, "stopped", thread_id=thread_id, facts={"why": QUESTION_DELETED})
    parked_threads.release(connection, thread_id)


def close_thread(connection: sqlite3.Connection, thread_id: int, at: str, outside: int = 0) -> None:
    """Close a thread that no longer exists in Slack.

    Args:
        connection: inside a transaction.
        thread_id: the thread.
        at: the timestamp of Slack's since when it is gone.
        outside: the number of a post that Slack has put outside of the thread, with `at` as its timestamp; 0 for none.
    """
    connection.execute("UPDATE threads SET gone = ? WHERE id = ? AND gone < ?", (at, thread_id, at))
    held_messages.close_thread(connection, thread_id)
    connection.execute("DELETE FROM inbox WHERE thread_id = ? AND seq IS NULL", (thread_id,))
    stop(connection, thread_id)
    transitions.pass_over(connection, thread_id)
    parked_threads.release(connection, thread_id)
    connection.execute(
        "UPDATE posts SET state = 'posted', ts = ?, revision = revision + 1 WHERE id = ? AND thread_id = ?",
        (at, outside, thread_id),
    )
