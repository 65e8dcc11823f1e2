"""The transports over HTTP: streamable HTTP (since 2025-03-26) and the older HTTP with SSE. Importing this does not
import the MCP SDK."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.tools.server_config import HttpServer, SseServer

if TYPE_CHECKING:
    import ssl

    from bot.tools.mcp.hidden import Secrets
    from bot.tools.mcp.transports.http_streams import HttpConnection


class Trust:
    """The certificates that are trusted, read once for all servers of a toolset, which takes 30 ms."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Return them. Called in a thread."""
        import httpx2  # noqa: PLC0415 - takes a tenth of a second

        with self._reading:
            self._context = self._context or httpx2.create_ssl_context()
            return self._context


class HttpTransport:
    """Reaches a server that somebody else runs: there is nothing to start, and nothing is shared with others."""

    def __init__(self, server: HttpServer, trust: Trust) -> None:
        self._server, self._certificates = server, trust
        self._secrets: Secrets | None = None
        """Of all connections: what was sent over an earlier one may be said over a later one."""
        self._trust: ssl.SSLContext | None = None

    def load(self) -> None:
        """Import the modules that need the SDK, and read the certificates that are trusted."""
        importlib.import_module("bot.tools.mcp.transports.sse_streams")
        self._trust = self._certificates.context()

    async def launch(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def connection(self, on_end: Callable[[], None]) -> HttpConnection:
        """Return a connection."""
        from bot.tools.mcp.hidden import Secrets  # noqa: PLC0415
        from bot.tools.mcp.transports.http_streams import HttpConnection  # noqa: PLC0415 - see `load`
        from bot.tools.mcp.transports.sse_streams import SseConnection  # noqa: PLC0415

        assert self._trust is not None
        self._secrets = self._secrets or Secrets(self._server.credentials())
        kind = SseConnection if isinstance(self._server, SseServer) else HttpConnection
        return kind(self._server, self._trust, on_end, self._secrets)

    async def abandon(self) -> None:
        """Do nothing: nothing was prepared."""

    async def aclose(self) -> None:
        """Release what gives the credentials."""
        if self._server.authorization is not None:
            await self._server.authorization.aclose()
