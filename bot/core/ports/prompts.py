"""The port to the prompts of tool servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.server_offers import PromptMessage, PromptRef, PromptsFound


class Prompts(Protocol):
    """The prompts of all configured servers."""

    async def prompts(self, channel: str, user: str, groups: frozenset[str] | None) -> PromptsFound:
        """Return the prompts that a person may use in a conversation, in a limited time."""
        ...

    def admits(self, server: str, channel: str, user: str, groups: frozenset[str] | None) -> bool:
        """Return whether a person may use a server in a conversation; no for one that is not configured."""
        ...

    async def messages(self, prompt: PromptRef, user: str) -> Sequence[PromptMessage]:
        """Ask a server for the messages of a prompt, with its account for this person. Raises OfferError."""
        ...
