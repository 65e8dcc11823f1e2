"""How tools are offered to the model, as the operator wants it ([tools] in bot.toml). Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHARE: Final = 0.05
"""The part of the model's context that the definitions of all tools may take; if they need more, tools are searched
for."""


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The table [tools]."""

    search: bool | None = None
    """Whether tools are found by searching instead of being sent with each request; None: when they take too much."""
    resources: bool = False
    """Whether the model can list and read the resources of servers."""
    share: float = SHARE
