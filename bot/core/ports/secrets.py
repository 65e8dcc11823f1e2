"""The port to what only this installation of the bot knows."""

from __future__ import annotations

from typing import Protocol


class Secrets(Protocol):
    """Random values that are made with the database and never change."""

    async def secret(self) -> bytes:
        """Return the key of pseudonyms (`bot.core.pseudonyms`), 32 bytes."""
        ...
