"""Which store keeps the bot's state: chosen by the scheme of DATABASE_URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from bot.core.ports.store import Store
from bot.store.sqlite.store import open_sqlite

Opens = Callable[[str, Sequence[str]], AbstractAsyncContextManager[Store]]
"""Opens the store that a URL names. In: the URL, and patterns of the arguments that the audit does not keep. Raises
SettingsError in words that an operator can act on."""

STORES: dict[str, Opens] = {"sqlite": open_sqlite}


def register(scheme: str, opens: Opens) -> None:
    """Have a DATABASE_URL with this scheme open such a store from now on."""
    STORES[scheme] = opens


def open_store(url: str, redact: Sequence[str] = ()) -> AbstractAsyncContextManager[Store]:
    """The store that a URL names, as a context manager. Raises SettingsError when it is entered and cannot be used."""
    # SQLite's store says what a URL must look like when nothing is registered for its scheme.
    return STORES.get(url.partition(":")[0], open_sqlite)(url, redact)
