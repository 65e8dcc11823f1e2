"""Undoes approved calls after somebody has pressed Undo. It is idempotent, so it can be repeated after a crash."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot import failpoints, log_events
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.ports.undos import Undos
from bot.core.transaction import UndoJob

SHOW_SECONDS = 1.0
"""How often messages are updated while many calls are undone: for each update, all messages of the thread are read."""


@dataclass(frozen=True, slots=True)
class UndoRunner:
    """Works on one thread at a time. A call that is found undone is only recorded as such."""

    store: Undos
    toolset: Toolset
    gateway: ChatGateway

    async def run(self, thread_id: int) -> None:
        """Carry out the requested undos of a thread, from the call that ended last to the first: an earlier change of a
        file can be undone only once the later ones are."""
        shown, pending = time.monotonic(), False
        try:
            while (job := await self.store.next_undo(thread_id)) is not None:
                await self._undo(thread_id, job)
                pending = True
                if time.monotonic() - shown >= SHOW_SECONDS:
                    self.gateway.deliver(thread_id)
                    shown, pending = time.monotonic(), False
        finally:
            if pending:
                self.gateway.deliver(thread_id)

    async def _undo(self, thread_id: int, job: UndoJob) -> None:
        if not job.begun:
            await self.store.begin_undo(job.call.id)
        with failpoints.around("undo"):
            guard = self.toolset.guard(job.call.server)
            undone = await guard.undo(job.before, job.after, again=job.begun)
        what = " ".join(undone.words.split())
        note = f"(From the app: a person has undone your call of {job.call.tool}: {what})"
        await self.store.end_undo(thread_id, job.call.id, undone, note)
        log_events.undo_ended(thread_id, job.call.id, "undone" if undone.done else "refused")
