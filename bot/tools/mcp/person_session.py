"""The session of one person with a server to which each person signs in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.core.tools import Tool
from bot.tools.mcp.server import Server
from bot.tools.mcp.server_state import State
from bot.tools.mcp.transports.transport import Transport
from bot.tools.server_config import HttpServer

if TYPE_CHECKING:
    from bot.tools.mcp.definitions import Definition


class PersonSession(Server):
    """The connection of one person, one after the other. Without tasks: they outlive it, and only its person's account
    could ask about them."""

    with_tasks = False

    def __init__(
        self, config: HttpServer, transport: Transport, listed: Callable[[Sequence[Definition]], Awaitable[None]]
    ) -> None:
        super().__init__(config, transport, lambda: None)
        self.calls = 0
        self.idle = asyncio.Event()
        """Set while there are no calls."""
        self.idle.set()
        self.used = 0.0
        self.denied = False
        """Whether it cannot be opened because the server refuses the credentials."""
        self.names: frozenset[str] = frozenset()
        self._listed = listed

    @property
    def last_error(self) -> str:
        """Why its last connection ended."""
        return self._reason

    def deny(self) -> None:
        """Take note that the server has refused the credentials of a request."""
        self.denied = self.state is not State.UP  # else it concerns that request alone

    async def close_when_idle(self, *, at_once: bool) -> None:
        """Close it once its calls have ended, or at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.0 if at_once else self.config.call_seconds):
                await self.idle.wait()
        await self.aclose()

    def has_otherwise(self, tool: Tool) -> bool:
        """Return whether its person has another definition of a tool than the one that is offered."""
        own = self.tool(tool.remote_name)
        return own is not None and own.digest != tool.digest

    async def offer(self) -> None:
        """Have its tools offered, as if they had been listed just now."""
        await self._listed(self._definitions)

    async def _adopt(self, definitions: Sequence[Definition]) -> bool:
        changed = await super()._adopt(definitions)
        self.denied = False
        self.names = frozenset(each.name for each in definitions)
        await self._listed(definitions)
        return changed
