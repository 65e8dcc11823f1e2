"""The store on SQLite: each method one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.ports import Change, Deliveries
from bot.core.thread import (
    Admission,
    Approval,
    Click,
    Decision,
    Draft,
    Incoming,
    Place,
    Settlement,
    ThreadState,
    Turn,
    Unread,
)
from bot.store import approvals, inbox, log, posts
from bot.store.database import Database


class SqliteStore:
    """Implements `bot.core.ports.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        def admit(connection: sqlite3.Connection) -> tuple[Admission, int]:
            return inbox.admit(connection, incoming)

        return await self._database.write(admit)

    async def waiting(self, *, for_people: bool = True) -> Sequence[int]:
        return await self._database.read(lambda connection: inbox.waiting(connection, for_people))

    async def load(self, thread_id: int) -> ThreadState:
        return await self._database.read(lambda connection: log.load(connection, thread_id))

    async def commit(self, state: ThreadState, change: Change) -> None:
        start = len(state.messages)

        def work(connection: sqlite3.Connection) -> tuple[int, list[int], list[Unread]]:
            turn_id = state.turn.id if state.turn else 0
            if change.requester:
                turn_id = log.open_turn(connection, state.id, change.requester)
            log.append(connection, state.id, turn_id, start, change.messages)
            log.mark_read(connection, [(start + index, id_) for index, id_ in change.read])
            ids = [log.insert_call(connection, state.id, turn_id, call) for call in change.new_calls]
            for call, id_ in zip(change.new_calls, ids, strict=True):
                call.id = id_
            log.save_calls(connection, change.calls)
            posts.owe(connection, state.id, change.drafts)
            for approval, drafts in change.asks:
                *_, card = posts.owe(connection, state.id, drafts)
                approvals.ask(connection, state.id, approval, card)
            if change.functions[0] and change.functions[0] != state.functions:
                log.save_functions(connection, state.id, *change.functions)
            if state.turn is not None:
                log.save_turn(connection, state.turn, change.usage, change.outcome or None)
            return turn_id, ids, log.unread(connection, state.id)

        work.__name__ = change.name
        turn_id, _, unread = await self._database.write(work, synced=change.synced)
        state.messages.extend(body for _, body in change.messages)
        if change.messages:
            state.last_role = change.messages[-1][0]
        state.calls.extend(change.new_calls)
        state.unread = unread
        state.functions = change.functions[0] or state.functions
        if change.requester:
            state.turn = Turn(id=turn_id, requester=change.requester)
            state.calls = []
        if change.outcome:
            state.turn, state.calls = None, []

    async def functions(self, digest: str) -> str:
        return await self._database.read(lambda connection: log.functions(connection, digest))

    async def settle(self, click: Click) -> Settlement:
        def settle(connection: sqlite3.Connection) -> Settlement:
            return approvals.settle(connection, click)

        return await self._database.write(settle)

    async def withdraw(self, approval: str) -> None:
        def withdraw(connection: sqlite3.Connection) -> None:
            approvals.withdraw(connection, approval)

        await self._database.write(withdraw)

    async def find_approval(self, approval: str) -> Approval | None:
        return await self._database.read(lambda connection: approvals.find(connection, approval))

    async def expire(self) -> Sequence[int]:
        return await self._database.write(approvals.expire)

    async def deliveries(self, thread_id: int) -> Deliveries:
        def read(connection: sqlite3.Connection) -> Deliveries:
            place = connection.execute("SELECT team, channel, thread_ts, kind FROM threads WHERE id = ?", (thread_id,))
            return Deliveries(
                place=Place(*place.fetchone()),
                owed=posts.owed(connection, thread_id),
                undrawn=approvals.undrawn(connection, thread_id),
                progress=posts.progress(connection, thread_id),
            )

        return await self._database.read(read)

    async def last_post(self) -> int:
        return await self._database.read(posts.last)

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        def owe(connection: sqlite3.Connection) -> None:
            posts.owe(connection, thread_id, drafts)

        await self._database.write(owe, synced=False)

    async def posted(self, post: int, ts: str, *, soon: bool = False) -> None:
        def posted(connection: sqlite3.Connection) -> None:
            posts.posted(connection, post, ts)

        await self._database.write(posted, synced=False, soon=soon)

    async def post_closed(self, post: int, state: str) -> None:
        def post_closed(connection: sqlite3.Connection) -> None:
            posts.close(connection, post, state)

        await self._database.write(post_closed, synced=False)

    async def drawn(self, approval: str, decision: Decision) -> None:
        def drawn(connection: sqlite3.Connection) -> None:
            approvals.drawn(connection, approval, decision)

        await self._database.write(drawn, synced=False)
