"""The tools of every configured server, as `bot.core.ports.Toolset`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.core.calls import Certainty, JsonObject, Outcome, Tool
from bot.tools import arguments
from bot.tools.config import ServerConfig
from bot.tools.guard import Guard
from bot.tools.server import Server, State


class McpToolset:
    """Shared sessions with MCP servers: one process a server, used by every thread of conversation."""

    def __init__(self, servers: Sequence[ServerConfig]) -> None:
        """In: the servers in the order their tools are to be offered in, with different keys (`config.load`)."""
        self._guard = Guard()
        self._servers = {config.key: Server(config, self._guard, self._forget_tools) for config in servers}
        self._loading: asyncio.Task[None] | None = None
        self._tools: tuple[Tool, ...] | None = None
        self._by_name: dict[str, Tool] = {}

    async def start(self) -> None:
        """Begin to start every server, all at once; returns without waiting for them."""
        if self._servers:
            self._guard.start()
            self._loading = asyncio.create_task(asyncio.to_thread(arguments.load))
        for server in self._servers.values():
            server.start()

    async def aclose(self) -> None:
        """End every server, with the processes it started, within 3 s. Calls under way end as unknown."""
        await asyncio.gather(*(server.aclose() for server in self._servers.values()))
        if self._loading is not None:
            await self._loading
        await asyncio.to_thread(self._guard.close)

    async def ready(self, seconds: float) -> Sequence[str]:
        """Wait until every server has started or failed, at most so long. Returns one sentence for each server that is
        not usable now."""
        if all(server.state is not State.STARTING for server in self._servers.values()):
            return self._troubles()
        waiting = [asyncio.create_task(server.settled()) for server in self._servers.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
        return self._troubles()

    def tools(self) -> Sequence[Tool]:
        """All tools that are known: the servers in the order of the configuration, the tools of each by name."""
        if self._tools is None:
            self._tools = tuple(tool for server in self._servers.values() for tool in server.tools)
            self._by_name = {tool.name: tool for tool in self._tools}
        return self._tools

    def find(self, name: str) -> Tool | None:
        """The tool offered under this name, as its server defines it now."""
        self.tools()
        return self._by_name.get(name)

    async def call(self, tool: Tool, arguments: JsonObject) -> Outcome:
        """Run one call of a tool as it was defined when the call was made: when its definition has changed since, the
        call is not sent. Never raises but CancelledError; the caller's cancellation cancels the call."""
        server = self._servers.get(tool.server)
        if server is None:
            words = f"The tool server `{tool.server}` is no longer configured. The call was not sent."
            return Outcome(Certainty.UNSENT, words, 0.0)
        return await server.call(tool, arguments)

    def _troubles(self) -> list[str]:
        return [trouble for server in self._servers.values() if (trouble := server.trouble()) is not None]

    def _forget_tools(self) -> None:
        self._tools = None
