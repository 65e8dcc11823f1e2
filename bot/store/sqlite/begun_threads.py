"""Requests that were made in windows. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3

from bot.core import begun_threads
from bot.core.inbox import Admission, Incoming
from bot.core.posts import Draft
from bot.store.sqlite import inbox, posts, server_news


def ask(connection: sqlite3.Connection, asked: Incoming, notice: Draft) -> int:
    """Record a request and the message about it; return its thread, or the row that stands for none."""
    if not asked.place.is_thread:
        found = server_news.tell(connection, asked.place.team, [(asked.user, begun_threads.beginning(asked, notice))])
        return found[0]
    admission, thread_id = inbox.admit(connection, asked)
    if admission is Admission.STARTS:
        posts.owe(connection, thread_id, [notice])
    return thread_id


def begin(connection: sqlite3.Connection, post: int, channel: str, ts: str) -> int:
    """Record the request whose thread begins with a message that was posted; return its thread, 0 if there is none."""
    row = connection.execute(
        "SELECT p.payload, t.team FROM posts p CROSS JOIN threads t ON t.id = p.thread_id"
        " WHERE p.id = ? AND p.kind = ?",
        (post, begun_threads.BEGINNING),
    ).fetchone()
    asked = begun_threads.asked(row[0], row[1], channel, ts) if row else None
    if asked is None:
        return 0
    return inbox.admit(connection, asked)[1]
