"""The tools that are the bot's own, and no server's. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.calls import OWN_SERVER
from bot.core.questions import ask_person
from bot.core.resource_tools import RESOURCES_SERVER, TOOLS
from bot.core.tools import Tool


def is_own(tool: Tool) -> bool:
    """Return whether a tool is the bot's own."""
    return tool.server in (OWN_SERVER, RESOURCES_SERVER)


def offered(*, asks: bool, resources: bool) -> Sequence[Tool]:
    """Return the tools that are offered by these settings: `[agent] ask_person` and `[tools] resources`."""
    return [*([ask_person.TOOL] if asks else []), *(TOOLS if resources else [])]
