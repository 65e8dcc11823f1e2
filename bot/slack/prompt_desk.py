"""What the shortcuts for prompts of tool servers need besides what all listeners share."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.ports.prompts import Prompts


@dataclass(frozen=True, slots=True)
class PromptDesk:
    """Where prompts come from, and who the bot is."""

    source: Prompts
    team: str
    """The id of the installation."""
    bot_user: str
    org_wide: bool = False
    """The app is installed in an organisation."""
