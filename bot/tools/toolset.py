"""Assembles the toolset of the running bot: MCP servers, and the guards of the kinds of servers that the bot knows."""

from __future__ import annotations

from collections.abc import Sequence

from bot.tools.filesystem.guard import FilesystemGuard, LocalPaths
from bot.tools.mcp.toolset import GuardOf, McpToolset
from bot.tools.mcp.transports.transport import Transports
from bot.tools.server_config import ServerConfig

GUARDS: Sequence[GuardOf] = (FilesystemGuard.of,)
"""Each recognizes one kind of server. To add one, write a module and add it here."""


def make_toolset(
    servers: Sequence[ServerConfig], *, transports: Transports | None = None, guards: Sequence[GuardOf] = GUARDS
) -> McpToolset:
    """Return the toolset. In: the servers in the order in which their tools are offered (`bot.config.mcp_json.load`).
    Transports and guards other than the bot's own may be given."""
    return McpToolset(servers, transports=transports, guards=guards, unguarded=LocalPaths())
