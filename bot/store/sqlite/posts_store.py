"""The port of the outbox on SQLite: each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import partial

from bot.core.inbox import Incoming
from bot.core.posts import Deliveries, Draft
from bot.store.sqlite import amendments, begun_threads, posts
from bot.store.sqlite.database import Database


class PostsStore:
    """Implements `bot.core.ports.posts.Posts`, and `ask` of `bot.core.ports.store.Inbox`, which is the beginning of a
    post."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deliveries(self, thread_id: int) -> Deliveries:
        return await self._database.read(partial(posts.deliveries, thread_id=thread_id), delivering(thread_id))

    async def last_post(self) -> int:
        return await self._database.read(posts.last)

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        def owe(connection: sqlite3.Connection) -> None:
            posts.owe(connection, thread_id, drafts)

        def ahead(connection: sqlite3.Connection, _: None) -> Mapping[Hashable, object]:
            return _left(connection, thread_id)

        await self._database.write(owe, synced=False, ahead=ahead)

    async def posted(
        self, post: int, ts: str, revision: int, *, soon: bool = False, channel: str = "", streaming: bool = False
    ) -> int:
        begun: list[int] = []

        def posted(connection: sqlite3.Connection) -> int:
            thread_id = posts.posted(connection, post, ts, revision, channel, streaming=streaming)
            begun[:] = [begun_threads.begin(connection, post, channel, ts)] if thread_id and channel else []
            return thread_id

        await self._database.write(posted, synced=bool(channel), soon=soon, ahead=None if soon else _left)
        return begun[0] if begun else 0

    async def ask(self, asked: Incoming, notice: Draft) -> int:
        def ask(connection: sqlite3.Connection) -> int:
            return begun_threads.ask(connection, asked, notice)

        return await self._database.write(ask)

    async def shown(self, post: int, revision: int) -> None:
        def shown(connection: sqlite3.Connection) -> None:
            posts.shown(connection, post, revision)

        await self._database.write(shown, synced=False)

    async def lost(self, post: int) -> bool:
        def lost(connection: sqlite3.Connection) -> bool:
            return posts.lost(connection, post)

        return await self._database.write(lost)

    async def accounted_for(self, thread_id: int, timestamps: Sequence[str]) -> Collection[str]:
        return await self._database.read(lambda connection: posts.accounted_for(connection, thread_id, timestamps))

    async def post_closed(self, post: int, state: str, revision: int | None = None) -> bool:
        def post_closed(connection: sqlite3.Connection) -> bool:
            return posts.close(connection, post, state, revision)

        return await self._database.write(post_closed, synced=False)

    async def close_thread(self, thread_id: int, at: str, outside: int = 0) -> None:
        def close_thread(connection: sqlite3.Connection) -> None:
            amendments.close_thread(connection, thread_id, at, outside)

        await self._database.write(close_thread)


def _left(connection: sqlite3.Connection, thread_id: int) -> Mapping[Hashable, object]:
    """Read what a delivery that has just recorded something looks at next."""
    return {delivering(thread_id): posts.deliveries(connection, thread_id)} if thread_id else {}


def delivering(thread_id: int) -> Hashable:
    """Return the key under which a transaction leaves the deliveries of a thread for who reads them next."""
    return "deliveries", thread_id
