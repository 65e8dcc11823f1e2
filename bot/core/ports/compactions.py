"""The port to what stands in for the older parts of logs; a compaction itself is written by `Log.commit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.compaction import CompactionBasis, Decided


class Compactions(Protocol):
    """Reads what the next compaction of a thread needs. The cost does not grow with the thread."""

    async def compaction_basis(self, thread_id: int) -> CompactionBasis:
        """Return the newest compaction that replaces a part of the log, and what has to survive the next one."""
        ...

    async def decided(self, thread_id: int, after: int, upto: int) -> Sequence[Decided]:
        """Return what people have decided about the calls of the messages after one position of the log, up to another,
        in the order of the log. Requests that were replaced by others are not included."""
        ...
