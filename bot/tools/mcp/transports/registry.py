"""Maps each kind of server to its transport. A new transport is one module here and one line below."""

from __future__ import annotations

from bot.tools.mcp.transports.http import HttpTransport
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.mcp.transports.stdio import StdioTransport
from bot.tools.mcp.transports.transport import Transports
from bot.tools.server_config import HttpServer, SseServer, StdioServer


def standard() -> Transports:
    """Return the bot's transports, for the servers of one toolset."""
    reaper = ProcessReaper()

    def stdio(server: StdioServer) -> StdioTransport:
        return StdioTransport(server, reaper)

    return {StdioServer: stdio, HttpServer: HttpTransport, SseServer: HttpTransport}
