"""Maps each kind of server to its transport. A new transport is one module here and one line below."""

from __future__ import annotations

from bot.tools.mcp.transports.http import HttpTransport, Trust
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.mcp.transports.stdio import StdioTransport
from bot.tools.mcp.transports.transport import Transports
from bot.tools.server_config import HttpServer, SseServer, StdioServer


def standard() -> Transports:
    """Return the bot's transports, for the servers of one toolset."""
    reaper, trust = ProcessReaper(), Trust()

    def stdio(server: StdioServer) -> StdioTransport:
        return StdioTransport(server, reaper)

    def http(server: HttpServer) -> HttpTransport:
        return HttpTransport(server, trust)

    return {StdioServer: stdio, HttpServer: http, SseServer: http}
