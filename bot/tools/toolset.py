"""The toolset of the running bot: MCP servers, and what is known of those of a kind that we know."""

from __future__ import annotations

from collections.abc import Sequence

from bot.tools.filesystem.guard import FilesystemGuard, LocalPaths
from bot.tools.mcp.toolset import GuardOf, McpToolset
from bot.tools.mcp.transports.transport import Transports
from bot.tools.server_config import ServerConfig

GUARDS: Sequence[GuardOf] = (FilesystemGuard.of,)
"""Each knows one kind of server. A new one is one module and one entry here."""


def make_toolset(
    servers: Sequence[ServerConfig], *, transports: Transports | None = None, guards: Sequence[GuardOf] = GUARDS
) -> McpToolset:
    """Put it together. In: the servers in the order their tools are to be offered in (`bot.config.mcp_json.load`);
    other transports and guards than the bot has may be given."""
    return McpToolset(servers, transports=transports, guards=guards, unguarded=LocalPaths())
