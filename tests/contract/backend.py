"""What the contract suite needs of a backend besides its store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from bot.core.ports.store import AuditLog, Store


class Backend(Protocol):
    """Something that keeps a store's state while no process runs."""

    def open(self) -> AbstractAsyncContextManager[Store]:
        """A process opens the store. Once it has ended another one may."""
        ...

    def audit(self) -> AbstractContextManager[AuditLog]:
        """A command opens the audit, whether or not a process has opened the store."""
        ...


def audited(backend: Backend) -> Sequence[tuple[str, str]]:
    """(kind, actor) of each record of the audit, in order."""
    with backend.audit() as log:
        return [(each.kind, each.actor) for each in log.records()]
