"""The port to the calls whose undo was requested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.tools import Undone
from bot.core.transaction import UndoJob


class Undos(Protocol):
    """What approved calls have changed, kept by `Log.commit` for as long as it may be undone."""

    async def undo_threads(self) -> Sequence[int]:
        """Return the ids of the threads in which undos were requested and have not ended."""
        ...

    async def next_undo(self, thread_id: int) -> UndoJob | None:
        """Return the requested undo of the call that ended last in a thread, since a later call may have changed what
        an earlier one left; None if there is none."""
        ...

    async def begin_undo(self, call: int) -> None:
        """Record that the undo of a call is about to run. If it is found after a crash, it may have run."""
        ...

    async def end_undo(self, thread_id: int, call: int, undone: Undone, note: str) -> None:
        """Record the result of an undo, once. If the call was undone, the model reads the note at its next turn, as an
        unread message without an author."""
        ...
