"""Slack messages, one row each: recorded with the change they report, posted once, updated by revision. Functions
inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bot.core.posts import Deliveries, Draft, Post, PostState
from bot.core.thread_ref import ThreadRef
from bot.core.turn_message import TURN
from bot.store.sqlite import ledgers, question_rows
from bot.store.sqlite.database import now


def owe(connection: sqlite3.Connection, thread_id: int, drafts: Iterable[Draft]) -> list[int]:
    """Record drafts in the order in which they are to appear; return their ids.

    A draft whose key exists replaces the body of that message; if that is final, the draft is ignored and gets the id
    0. A part of a turn's message that is not in Slack any more is posted again, once. In a thread that is gone from
    Slack nothing is posted.
    """
    ids: list[int] = []
    for draft in drafts:
        row = connection.execute(
            "INSERT INTO posts (thread_id, key, kind, payload, state, final, created_at) VALUES (?, ?, ?, ?,"
            " CASE (SELECT gone FROM threads WHERE id = ?) WHEN '' THEN 'owed' ELSE 'removed' END, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, final = excluded.final,"
            " revision = revision + 1,"
            " state = CASE WHEN posts.kind <> 'turn' OR posts.state IN ('owed', 'posted') OR posts.deleted > 1"
            " THEN posts.state ELSE excluded.state END,"
            " ts = CASE posts.state WHEN 'posted' THEN posts.ts ELSE '' END"
            " WHERE NOT posts.final AND NOT ? RETURNING id",
            (thread_id, draft.key, draft.kind, draft.payload, thread_id, draft.final, now(), draft.offered),
        ).fetchone()
        ids.append(int(row[0]) if row else 0)
    return ids


def owe_copies(
    connection: sqlite3.Connection, thread_id: int, card: int | None, copies: Iterable[tuple[str, Draft]]
) -> None:
    """Record direct messages, each for a person, once per key: copies of a card, or messages of their own."""
    for person, draft in copies:
        connection.execute(
            "INSERT OR IGNORE INTO posts (thread_id, key, kind, payload, state, created_at, copy_of, person)"
            " VALUES (?, ?, ?, ?, 'owed', ?, ?, ?)",
            (thread_id, draft.key, draft.kind, draft.payload, now(), card, person),
        )


def redraw(connection: sqlite3.Connection, post: int) -> None:
    """Mark a message and its copies for redrawing."""
    connection.execute("UPDATE posts SET revision = revision + 1 WHERE id = ?", (post,))
    connection.execute("UPDATE posts SET revision = revision + 1 WHERE copy_of = ?", (post,))


def deliveries(connection: sqlite3.Connection, thread_id: int) -> Deliveries:
    """Return what one thread still has to deliver to Slack."""
    *place, gone = connection.execute(
        "SELECT team, channel, thread_ts, kind, gone FROM threads WHERE id = ?", (thread_id,)
    ).fetchone()
    # The condition must be literally that of the index `posts_unsettled`.
    rows = connection.execute(
        "SELECT id, thread_id, key, kind, payload, state, ts, revision, shown, final, created_at, person, channel,"
        " streaming, coalesce(copy_of, id), EXISTS (SELECT 1 FROM questions WHERE post = posts.id),"
        " (SELECT c.payload FROM posts c WHERE c.id = posts.copy_of) FROM posts"
        " INDEXED BY posts_unsettled WHERE thread_id = ? AND (state = 'owed' OR state = 'posted'"
        " AND (shown <> revision OR NOT final)) ORDER BY id",
        (thread_id,),
    ).fetchall()
    found: list[Post] = []
    for id_, thread, key, kind, payload, state, ts, revision, shown, final, created_at, *more in rows:
        person, channel, streaming, card, asks, copied = more
        about = question_rows.of_post(connection, card) if revision != shown or person or asks else ()
        post = Post(
            id_,
            thread,
            key,
            kind,
            payload,
            PostState(state),
            ts,
            revision,
            shown,
            bool(final),
            created_at,
            about=about,
            person=person,
            channel=channel,
            streaming=bool(streaming),
            card=copied or "",
            undos=ledgers.undos(connection, key, payload) if kind == TURN and final else None,
        )
        found.append(post)
    return Deliveries(ThreadRef(*place), found, gone=bool(gone))


def last(connection: sqlite3.Connection) -> int:
    """Return the id of the newest post."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM posts").fetchone()[0])


def posted(
    connection: sqlite3.Connection, post: int, ts: str, revision: int, channel: str = "", *, streaming: bool = False
) -> int:
    """Record that a post is in Slack, with this timestamp and revision; of a copy, in this direct message. Return its
    thread; 0 if that was recorded before."""
    row = connection.execute(
        "UPDATE posts SET state = 'posted', ts = ?, shown = ?, channel = ?, streaming = ?"
        " WHERE id = ? AND state = 'owed' RETURNING thread_id",
        (ts, revision, channel, streaming, post),
    ).fetchone()
    return int(row[0]) if row else 0


def shown(connection: sqlite3.Connection, post: int, revision: int) -> None:
    """Record that Slack shows this revision, and that no stream is open."""
    connection.execute("UPDATE posts SET shown = ?, streaming = 0 WHERE id = ?", (revision, post))


def lost(connection: sqlite3.Connection, post: int) -> bool:
    """Owe a post once more that is no longer in Slack; the second time close it, and return False."""
    row = connection.execute(
        "UPDATE posts SET state = CASE deleted WHEN 0 THEN 'owed' ELSE 'removed' END, ts = '', streaming = 0,"
        " revision = revision + 1, deleted = deleted + 1 WHERE id = ? AND state = 'posted' RETURNING state",
        (post,),
    ).fetchone()
    return row is not None and row[0] == PostState.OWED


def accounted_for(connection: sqlite3.Connection, thread_id: int, timestamps: Iterable[str]) -> set[str]:
    """Return those of these timestamps that posts of the thread have."""
    return {
        ts
        for ts in timestamps
        if connection.execute(
            "SELECT 1 FROM posts WHERE ts = ? AND ts <> '' AND thread_id = ?", (ts, thread_id)
        ).fetchone()
    }


def close(connection: sqlite3.Connection, post: int, state: str, revision: int | None = None) -> bool:
    """Close a post: `refused` by Slack permanently, or `removed`; with a revision, unless there is a newer one. Return
    whether it was closed."""
    closed = connection.execute(
        "UPDATE posts SET state = ? WHERE id = ? AND revision <= coalesce(?, revision)", (state, post, revision)
    )
    return closed.rowcount > 0
