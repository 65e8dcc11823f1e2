"""What `doctor` says about the size of tools' definitions, which are a part of each request to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.agent.compaction_plan import tokens_of
from bot.agent.compaction_windows import ContextWindows
from bot.agent.tool_list import ToolOffer
from bot.config.settings import Settings
from bot.core import indirect_calls, untrusted
from bot.core.ports.catalogue import ModelCatalogue
from bot.core.tools import Tool


@dataclass(frozen=True, slots=True)
class ToolsCost:
    """The estimated tokens of the tools' definitions."""

    servers: Mapping[str, int]
    """By the server's key."""
    model: str
    context: int
    """What the model can read, in tokens."""
    searched: bool
    """Whether tools are found by searching, in threads that begin now."""

    @property
    def total(self) -> int:
        """The tokens of all of them."""
        return sum(self.servers.values())


def cost(settings: Settings, tools: Sequence[Tool], catalogue: ModelCatalogue) -> ToolsCost:
    """Return what these tools take."""
    windows = ContextWindows(settings.models, catalogue, settings.compaction)
    bodies = {tool.name: untrusted.dumps(tool.function()) for tool in tools}
    servers: dict[str, int] = {}
    for tool in tools:
        servers[tool.server] = servers.get(tool.server, 0) + tokens_of(bodies[tool.name])
    searched = ToolOffer(settings.tools, windows).searches(tools, "".join(bodies.values()), windows.model)
    return ToolsCost(servers, windows.model, windows.of(windows.model), searched)


def as_text(found: ToolsCost) -> list[str]:
    """Return the lines for people."""
    if not found.servers:
        return []
    each = ", ".join(f"`{key}` {tokens:,}" for key, tokens in found.servers.items())
    part = f"{100 * found.total / found.context:.1f}% of the context of {found.model}"
    how = "They are sent with each request."
    if found.searched:
        own = tokens_of(indirect_calls.BODY)
        how = f"The model searches for them instead: each request has two functions, about {own:,} tokens."
    return [f"Definitions of tools, in tokens: {each}; {found.total:,} in all, {part}. {how}"]


def as_json(found: ToolsCost) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "servers": dict(found.servers),
        "total": found.total,
        "model": found.model,
        "context": found.context,
        "searched": found.searched,
    }
