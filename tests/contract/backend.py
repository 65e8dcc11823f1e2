"""What the contract suite needs of a backend besides its store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.core.ports.store import Store


class Backend(Protocol):
    """Something that keeps a store's state while no process runs."""

    def open(self) -> AbstractAsyncContextManager[Store]:
        """A process opens the store. Once it has ended another one may."""
        ...

    async def audited(self) -> Sequence[tuple[str, str]]:
        """(kind, actor) of each record of the audit, in order, while the store is open."""
        ...
