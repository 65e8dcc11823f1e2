"""What a turn and a delivery read next was read along with the commit before: the process wakes less often."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pytest

from bot.core.posts import Draft
from bot.core.transaction import Change
from bot.store.sqlite.database import Database, T, Work
from bot.store.sqlite.store import SqliteStore
from tests.lives import Life

pytestmark = pytest.mark.anyio


class Counted(Database):
    """Counts the reads that go to the database's thread."""

    reads = 0

    async def read(self, work: Work[T], key: Hashable = None) -> T:
        self.reads += key not in self._ahead
        return await super().read(work, key)


async def test_nothing_is_read_by_itself_after_a_commit(tmp_path: Path) -> None:
    async with Counted(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        life = Life(store)
        await life.say()
        await life.read()
        state = await life.state()
        before = database.reads
        await store.commit(state, Change("say", messages=[("user", "{}")]))
        await store.thread_model(state.id)
        await store.owe(state.id, [Draft("turn-1-1", "turn", "{}", final=False)])
        [owed] = (await store.deliveries(state.id)).posts
        await store.posted(owed.id, "1.2", 0)
        [posted] = (await store.deliveries(state.id)).posts
        assert database.reads == before
        assert posted.ts == "1.2"
        await store.deliveries(state.id)
        assert database.reads == before + 1, "once"
