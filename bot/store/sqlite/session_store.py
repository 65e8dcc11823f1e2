"""The part of the store that serves agent sessions, parked threads and the buttons that stop turns: each method is one
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.posts import Draft
from bot.core.sessions import Stopped
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import parked_threads, session_marks, stopping
from bot.store.sqlite.database import Database


class SqliteSessions:
    """Implements `bot.core.ports.sessions.SessionStore` on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._follows = False

    def _mark(self, connection: sqlite3.Connection, thread_id: int, *, when: bool = True) -> None:
        """Within a transaction: the work in a thread may have ended with it, or been suspended."""
        if self._follows and when and thread_id:
            session_marks.mark(connection, thread_id)

    async def follow_sessions(self, follow: bool) -> Sequence[int]:
        def follow_sessions(connection: sqlite3.Connection) -> list[int]:
            if not follow:
                session_marks.unmark_all(connection)
            return session_marks.marked(connection)

        found = await self._database.write(follow_sessions)
        self._follows = follow
        return found

    async def session_shown(self, thread_id: int) -> None:
        def session_shown(connection: sqlite3.Connection) -> None:
            session_marks.unmark(connection, thread_id)

        await self._database.write(session_shown, synced=False, soon=True)

    async def stop(self, turn: int, user: str, *, others: bool = False) -> int:
        def stop(connection: sqlite3.Connection) -> int:
            return stopping.by_button(connection, turn, user, others=others)

        return await self._database.write(stop)

    async def stop_in(self, place: ThreadRef, user: str, at: str, *, may_stop: bool) -> Stopped:
        def stop_in(connection: sqlite3.Connection) -> Stopped:
            stopped = stopping.in_thread(connection, place, user, at, may_stop=may_stop)
            self._mark(connection, stopped.thread_id, when=stopped.verdict == "stopped")
            return stopped

        return await self._database.write(stop_in)

    async def failed(self, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
        def failed(connection: sqlite3.Connection) -> bool:
            self._mark(connection, thread_id)
            return parked_threads.failed(connection, thread_id, sorry, parked)

        return await self._database.write(failed)

    async def park(self, thread_id: int, parked: Draft) -> None:
        def park(connection: sqlite3.Connection) -> None:
            self._mark(connection, thread_id)
            parked_threads.park(connection, thread_id, parked)

        await self._database.write(park)
