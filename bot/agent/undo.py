"""Takes approved calls back, once somebody has pressed Undo. Doing it again does no more, so a crash does no harm."""

from __future__ import annotations

from dataclasses import dataclass

from bot import failpoints, log_events
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Store
from bot.core.ports.toolset import Toolset


@dataclass(frozen=True, slots=True)
class UndoRunner:
    """Works on one thread at a time; what it finds undone already it only writes down."""

    store: Store
    toolset: Toolset
    gateway: ChatGateway

    async def run(self, thread_id: int) -> None:
        """Take back what is to be taken back in this thread."""
        for thread, job in await self.store.undo_jobs(thread_id):
            if not job.begun:
                await self.store.begin_undo(job.call.id)
            with failpoints.around("undo"):
                guard = self.toolset.guard(job.call.server)
                undone = await guard.undo(job.before, job.after, again=job.begun)
            what = " ".join(undone.words.split())
            note = f"(From the app: a person has undone your call of {job.call.tool}: {what})"
            await self.store.end_undo(thread, job.call.id, undone, note)
            log_events.undo_ended(thread, job.call.id, "undone" if undone.done else "refused")
            self.gateway.deliver(thread)
