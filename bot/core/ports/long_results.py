"""The port to where the results of calls are kept that are too long for the model."""

from __future__ import annotations

from typing import Protocol


class LongResults(Protocol):
    """Finds them. A thread finds only the results of its own calls."""

    async def rest(self, thread_id: int, call: int) -> str:
        """Return where the whole result of a call of this thread is kept (`bot.core.long_results.Kept.dumps`); empty if
        the thread has no such call, or its result was not cut."""
        ...
