"""Takes approved calls back, once somebody has pressed Undo. Doing it again does no more, so a crash does no harm."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot import failpoints
from bot.core.ports import Store, Surface, Toolset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Undoing:
    """Works on one thread at a time; what it finds undone already it only writes down."""

    store: Store
    toolset: Toolset
    surface: Surface

    async def run(self, thread_id: int) -> None:
        """Take back what is to be taken back in this thread."""
        for thread, taking in await self.store.takings(thread_id):
            if not taking.begun:
                await self.store.begin_taking(taking.call.id)
            with failpoints.around("undo"):
                undone = await self.toolset.undo(taking.before, taking.after, again=taking.begun)
            log.info("thread %s: undo of call %s: %s", thread, taking.call.id, undone.words)
            what = " ".join(undone.words.split())
            note = f"(From the app: a person has undone your call of {taking.call.tool}: {what})"
            await self.store.taken_back(thread, taking.call.id, undone, note)
            self.surface.deliver(thread)
