"""Selects the store by the scheme of DATABASE_URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bot.core.ports.store import AuditLog, Store, UsageLog
from bot.errors import SettingsError
from bot.store.sqlite.audit_log import open_audit_log
from bot.store.sqlite.database import path_of
from bot.store.sqlite.store import open_sqlite
from bot.store.sqlite.usage_log import open_usage_log

Opens = Callable[[str, Sequence[str]], AbstractAsyncContextManager[Store]]
"""Opens the store that a URL names. In: the URL, and patterns of the arguments that the audit does not keep. Raises
SettingsError in words that an operator can act on."""
OpensAudit = Callable[[str], AbstractContextManager[AuditLog]]
"""Opens the audit of the store that a URL names, also while a bot runs on it. Raises SettingsError likewise."""

OpensUsage = Callable[[str], AbstractContextManager[UsageLog]]
"""Opens what turns have cost in the store that a URL names, likewise."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of store."""

    opens: Opens
    opens_audit: OpensAudit
    opens_usage: OpensUsage | None = None
    """None if the store cannot be asked for that by commands."""


SQLITE = Backend(open_sqlite, open_audit_log, open_usage_log)
STORES: dict[str, Backend] = {"sqlite": SQLITE}


def register(scheme: str, opens: Opens, opens_audit: OpensAudit, opens_usage: OpensUsage | None = None) -> None:
    """Have a DATABASE_URL with this scheme open such a store, and its records, from now on."""
    STORES[scheme] = Backend(opens, opens_audit, opens_usage)


def open_store(url: str, redact: Sequence[str] = ()) -> AbstractAsyncContextManager[Store]:
    """The store that a URL names, as a context manager. Raises SettingsError when it is entered and cannot be used."""
    return _backend(url).opens(url, redact)


def open_audit(url: str) -> AbstractContextManager[AuditLog]:
    """The audit of the store that a URL names, as a context manager. Raises SettingsError when it is entered and cannot
    be read."""
    return _backend(url).opens_audit(url)


def open_usage(url: str) -> AbstractContextManager[UsageLog]:
    """What turns have cost in the store that a URL names, as a context manager. Raises SettingsError when it is entered
    and cannot be read, and at once if this kind of store cannot be asked."""
    opens = _backend(url).opens_usage
    if opens is None:
        raise SettingsError("DATABASE_URL", "this kind of store has no usage to read.")
    return opens(url)


def models_file(url: str) -> Path | None:
    """Return the file beside the store's own in which the list of models is kept; None if the store has no file."""
    path = path_of(url) if url.startswith("sqlite:") else None
    return None if path is None else path.with_name(f"{path.name}.models.json")


def _backend(url: str) -> Backend:
    # SQLite's store says what a URL must look like when nothing is registered for its scheme.
    return STORES.get(url.partition(":")[0], SQLITE)
