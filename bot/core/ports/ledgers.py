"""The port to what is recorded of changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.ledger import Ledger


class Ledgers(Protocol):
    """What turns and threads have changed."""

    async def ledger(self, turn: int, most: int, *, whole_thread: bool = False) -> Ledger | None:
        """Return what a turn has changed, its first calls, or what its whole thread has changed, the newest calls; at
        most `most`, and fewer if they are long. None if there is no such turn."""
        ...

    async def offered_undos(self, turn: int) -> Sequence[str]:
        """Return the ids of the requests of a turn whose calls can be undone now, in the order of the log."""
        ...
