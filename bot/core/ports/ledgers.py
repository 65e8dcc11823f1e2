"""The port to the recorded changes of turns and threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.ledger import Ledger


class Ledgers(Protocol):
    """Reads what turns and threads have changed, and which of it can be undone."""

    async def ledger(self, turn: int, most: int, *, whole_thread: bool = False) -> Ledger | None:
        """Return the changes of a turn (the first ones) or of its whole thread (the newest ones): at most `most`, and
        fewer if they are long. None if there is no such turn."""
        ...

    async def offered_undos(self, turn: int) -> Sequence[str]:
        """Return the ids of the requests of a turn whose calls can be undone now, in the order of the log."""
        ...
