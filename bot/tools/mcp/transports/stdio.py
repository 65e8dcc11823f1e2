"""The stdio transport: a server is a child process, reached over its stdin and stdout. Importing this does not import
the MCP SDK."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.tools.mcp.transports.process import Ahead
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.server_config import StdioServer

if TYPE_CHECKING:
    from bot.tools.mcp.transports.stdio_streams import StdioConnection


class StdioTransport:
    """Starts the process of a server, once per connection."""

    def __init__(self, server: StdioServer, reaper: ProcessReaper) -> None:
        self._server = server
        self._reaper = reaper
        self._ahead = Ahead(server, reaper)

    def load(self) -> None:
        """Import the modules that need the SDK."""
        importlib.import_module("bot.tools.mcp.transports.stdio_streams")

    async def launch(self) -> None:
        """Start the process of the first connection while the SDK is being imported."""
        await self._ahead.launch()

    def connection(self, on_end: Callable[[], None]) -> StdioConnection:
        """Return a connection; its process is started when it is opened, unless it has been started already."""
        from bot.tools.mcp.transports.stdio_streams import StdioConnection  # noqa: PLC0415 - see `load`

        return StdioConnection(self._server, self._reaper, on_end, self._ahead)

    async def abandon(self) -> None:
        """End the process unless it has been taken."""
        await self._ahead.abandon()

    async def aclose(self) -> None:
        """End the shell that guards all processes."""
        await asyncio.to_thread(self._reaper.close)
