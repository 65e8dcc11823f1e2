"""Selects the store by the scheme of DATABASE_URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from bot.core.ports.store import Store
from bot.store.sqlite.store import open_sqlite

Opens = Callable[[str, Sequence[str]], AbstractAsyncContextManager[Store]]
"""Opens the store that a URL names. In: the URL, and patterns of the arguments that the audit must not record. Raises
SettingsError with a sentence for the operator."""

STORES: dict[str, Opens] = {"sqlite": open_sqlite}


def register(scheme: str, opens: Opens) -> None:
    """Register the store for a scheme of DATABASE_URL."""
    STORES[scheme] = opens


def open_store(url: str, redact: Sequence[str] = ()) -> AbstractAsyncContextManager[Store]:
    """Return the store that a URL names, as a context manager. Entering it raises SettingsError if the store cannot be
    used."""
    # If the scheme is not registered, SQLite's store says what a URL must look like.
    return STORES.get(url.partition(":")[0], open_sqlite)(url, redact)
