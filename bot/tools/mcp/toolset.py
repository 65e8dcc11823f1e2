"""The tools of all configured servers; implements `bot.core.ports.toolset.Toolset`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.core.identity import Identity
from bot.core.json_text import JsonObject
from bot.core.ports.change_guard import ChangeGuard, Claim, Footprint, GuardedServer
from bot.core.ports.identities import Credentials
from bot.core.ports.toolset import Free, Permit
from bot.core.resource_tools import RESOURCES_SERVER
from bot.core.server_news import Unavailable
from bot.core.server_state import ServerState
from bot.core.tools import BusyError, CallResult, DeliveryStatus, Dialogue, StepPosition, Tool
from bot.tools.disk import before_the_loop
from bot.tools.json_schema import arguments
from bot.tools.mcp.admission import Admission
from bot.tools.mcp.names import SEPARATOR, prefix
from bot.tools.mcp.person_server import PersonServer
from bot.tools.mcp.resource_guard import ResourceGuard
from bot.tools.mcp.server import Server
from bot.tools.mcp.server_offers import ServerOffers
from bot.tools.mcp.server_state import State
from bot.tools.mcp.task_requests import TaskRequests
from bot.tools.mcp.transports.registry import standard
from bot.tools.mcp.transports.transport import Transport, Transports
from bot.tools.server_config import HttpServer, ServerConfig

if TYPE_CHECKING:
    from bot.tools.mcp.server_info import About

LOOK_SECONDS = 2.0
"""Time limit at the start for finding out which guards the servers have."""

GuardOf = Callable[[ServerConfig, GuardedServer], ChangeGuard | None]
"""Returns the guard of a configured server; None if it is not of that kind. Called in a thread, as it may access a
disk."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new configuration has changed, as keys of servers."""

    added: Sequence[str] = ()
    changed: Sequence[str] = ()
    removed: Sequence[str] = ()


class McpToolset:
    """One session per MCP server, shared by all threads of conversation."""

    def __init__(
        self,
        servers: Sequence[ServerConfig],
        *,
        transports: Transports | None = None,
        guards: Sequence[GuardOf] = (),
        unguarded: ChangeGuard | None = None,
    ) -> None:
        """In: the servers, in the order in which their tools are offered, with distinct keys; the transport for each
        kind of server, by default the bot's own; functions that return a server's guard, of which the first result
        counts; and the guard of all other servers, by default one that knows nothing. Raises KeyError for a kind of
        server without a transport."""
        self._reach = standard() if transports is None else transports
        self._transports: dict[type[ServerConfig], Transport] = {}
        """One of each kind that was ever used: it releases what is shared."""
        self._credentials: Credentials | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called when a server has begun or ceased to be usable, or has other tools."""
        self._servers = {config.key: self._server(config) for config in servers}
        self._retiring: set[asyncio.Task[None]] = set()
        """Servers that are no longer configured and have calls under way."""
        self._started = self._closed = False
        self.tasks = TaskRequests(self._servers)
        self.offers = ServerOffers(self._servers)
        """Prompts and resources."""
        self._admission = Admission()
        self._guard_finders = tuple(guards)
        self._unguarded, self._of_resources = unguarded or ChangeGuard(), ResourceGuard()
        before_the_loop([partial(self._find_guard, server) for server in self._servers.values()], LOOK_SECONDS)
        self._loading: asyncio.Task[None] | None = None
        self._tools: tuple[Tool, ...] | None = None
        self._by_name: dict[str, Tool] = {}
        self._own: tuple[Tool, ...] = ()

    def _server(self, config: ServerConfig) -> Server:
        make = self._reach[type(config)]
        transport = self._transports[type(config)] = make(config)
        if isinstance(config, HttpServer) and config.account is Identity.PERSON:
            server = PersonServer(config, transport, make, self._forget_tools, self._note_state)
            server.credentials = self._credentials
            return server
        return Server(config, transport, self._forget_tools, self._note_state)

    @property
    def signing_in(self) -> Sequence[HttpServer]:
        """The servers to which people sign in, or the bot."""
        configs = (server.config for server in self._servers.values())
        return [config for config in configs if isinstance(config, HttpServer) and config.signs_in]

    def use(self, credentials: Credentials) -> None:
        """Use these credentials of people. Called before `start`."""
        self._credentials = credentials
        for server in self._servers.values():
            if isinstance(server, PersonServer):
                server.credentials = credentials

    async def signed_out(self, server: str, person: str) -> None:
        """Use the session of a person with a server no more."""
        found = self._servers.get(server)
        if isinstance(found, PersonServer):
            await found.ended(person)

    def _find_guard(self, server: Server) -> None:
        """Find the guard of a server. One on a disk that does not answer gets its guard once it does. Runs in a
        thread."""
        access = _Access(server, self._admission)
        for find in self._guard_finders:
            if (found := find(server.config, access)) is not None:
                server.guard = found
                return

    async def launch(self) -> None:
        """Begin to start all servers ahead of `start`; returns within milliseconds."""
        await asyncio.gather(*(server.launch() for server in self._servers.values()))

    async def reconfigure(self, servers: Sequence[ServerConfig]) -> Changes:
        """Use these servers from now on. Return what that has changed.

        A server whose configuration is the same goes on undisturbed. One that is no longer configured, or differently,
        ends once its calls have ended; its successor takes the calls that are made from now on. Not to be called twice
        at the same time. Raises KeyError for a kind of server without a transport.
        """
        before = dict(self._servers)
        same = {
            key: server for config in servers if (server := before.get(key := config.key)) and server.config == config
        }
        fresh = {config.key: self._server(config) for config in servers if config.key not in same}
        look = [partial(self._find_guard, server) for server in fresh.values()]
        await asyncio.to_thread(before_the_loop, look, LOOK_SECONDS)
        for key, server in fresh.items():
            if key in before:
                await server.succeed(before[key])
        if self._closed:
            return Changes()
        # From here to the end nothing waits: a call is made over the old servers or over the new ones.
        self._servers.clear()
        self._servers.update({config.key: same.get(config.key) or fresh[config.key] for config in servers})
        self._forget_tools()
        for server in fresh.values():
            if self._started:
                self._load()
                server.start()
        for key, server in before.items():
            if key not in same:
                task = asyncio.create_task(server.retire(), name=f"the end of mcp server {key}")
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)
        return Changes(
            added=tuple(key for key in fresh if key not in before),
            changed=tuple(key for key in fresh if key in before),
            removed=tuple(key for key in before if key not in self._servers),
        )

    async def start(self) -> None:
        """Begin to start all servers concurrently; returns without waiting for them."""
        self._started = True
        if self._servers:
            self._load()
        for server in self._servers.values():
            server.start()

    def _load(self) -> None:
        """Begin to import what validates arguments."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(arguments.load))

    async def aclose(self) -> None:
        """End all servers and their processes within 3 s. Calls in progress end with an unknown outcome."""
        self._closed = True
        retiring = tuple(self._retiring)
        for task in retiring:
            task.cancel()
        ending = [asyncio.create_task(server.aclose()) for server in self._servers.values()]
        await asyncio.gather(*ending, *retiring, return_exceptions=True)
        if self._loading is not None:
            await self._loading
        await asyncio.gather(*(transport.aclose() for transport in self._transports.values()))

    async def ready(self, seconds: float) -> Sequence[str]:
        """Wait a limited time until every server has started or failed. Return one sentence for each server that is not
        usable now."""
        if all(server.state is not State.STARTING for server in self._servers.values()):
            return self._troubles()
        waiting = [asyncio.create_task(server.settled()) for server in self._servers.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
        return self._troubles()

    def states(self) -> Sequence[ServerState]:
        """Return the state of each server, in the order of the configuration."""
        return [server.description() for server in self._servers.values()]

    async def about(self, key: str) -> About | None:
        """Return what a server says of itself, by its key; None if it does not run."""
        return await self._servers[key].about()

    def offer(self, own: Sequence[Tool]) -> None:
        """Offer tools of the bot's own, before those of the servers. Those for resources are called here."""
        self._own = tuple(own)
        self.offers.resources = any(each.server == RESOURCES_SERVER for each in own)
        self._forget_tools()

    def tools(self) -> Sequence[Tool]:
        """Return all known tools: the bot's own, then those of the servers in the order of the configuration, the tools
        of each by name."""
        if self._tools is None:
            found = [tool for server in self._servers.values() for tool in server.tools]
            self._tools = (*self._own, *found)
            self._by_name = {tool.name: tool for tool in (*found, *self._own)}
        return self._tools

    def unavailable(self) -> Sequence[Unavailable]:
        """Return the servers that cannot be used now, in the order of the configuration."""
        return [
            Unavailable(key, server.config.audience, known=bool(server.tools))
            for key, server in self._servers.items()
            if server.state is not State.UP
        ]

    def running(self) -> Sequence[tuple[ServerConfig, Sequence[Tool]]]:
        """Return the configuration and the tools of each server that can be used now."""
        return [(each.config, each.tools) for each in self._servers.values() if each.state is State.UP]

    def prefixes(self) -> Mapping[str, str]:
        """Return how the names of each configured server's tools begin, by its key, whether it runs or not."""
        return {key: f"{prefix(key)}{SEPARATOR}" for key in self._servers}

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that may use servers."""
        return frozenset(group for server in self._servers.values() for group in server.config.audience.groups)

    def find(self, name: str) -> Tool | None:
        """Return the tool offered under this name, with its current definition; None if there is none."""
        self.tools()
        return self._by_name.get(name)

    def meant(self, tool: Tool, arguments: JsonObject) -> Tool:
        """Return a tool as the policy judges a call of it, and with the digest to which approvals of the call are
        bound: one that reads a resource counts as its server's."""
        return self.offers.meant(tool, arguments)

    def guard(self, server: str) -> ChangeGuard:
        """Return the guard of a server, by its key. For most servers, and for one that is not configured, it knows
        little or nothing."""
        if server == RESOURCES_SERVER:
            return self._of_resources
        found = self._servers.get(server)
        return self._unguarded if found is None or found.guard is None else found.guard

    async def call(
        self, tool: Tool, arguments: JsonObject, held: Permit | None = None, dialogue: Dialogue | None = None
    ) -> CallResult:
        """Run one call of a tool as defined when the call was made: if its definition has changed since, the call is
        not sent. Raises nothing but CancelledError; cancellation cancels the call."""
        if tool.server == RESOURCES_SERVER:
            return await self.offers.call(tool, arguments, entered=held is not None)
        server = self._servers.get(tool.server)
        if server is None:
            words = f"The tool server `{tool.server}` is no longer configured. The call was not sent."
            return CallResult(DeliveryStatus.UNSENT, words, 0.0)
        guard = self.guard(tool.server)
        result = await server.call(tool, arguments, entered=held is not None, dialogue=dialogue)
        if result.certainty is DeliveryStatus.TASK:
            return result
        said = guard.result(tool, result.text, result.certainty is DeliveryStatus.OK)
        return replace(result, text=self.offers.noted(tool, said))

    async def try_acquire(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Permit | None:
        """Admit a call without waiting: if its server has capacity and no other call, of any server, touches what it
        changes (servers may share folders)."""
        server = self._server_of(tool, arguments)
        if server is None and tool.server == RESOURCES_SERVER:
            return Free()
        return await self._admission.try_acquire(server, self._footprint(tool, arguments, at), at) if server else None

    async def acquire(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Permit:
        """Wait until a call can be admitted. Raises BusyError if others take longer than the call's own time limit."""
        server = self._server_of(tool, arguments)
        if server is None and tool.server == RESOURCES_SERVER:
            return Free()
        if server is None:
            raise BusyError(f"The tool server `{tool.server}` is no longer configured. The call was not sent.")
        return await self._admission.acquire(server, self._footprint(tool, arguments, at), at)

    def _server_of(self, tool: Tool, arguments: JsonObject) -> Server | None:
        return self._servers.get(self.meant(tool, arguments).server)

    def _footprint(self, tool: Tool, arguments: JsonObject, at: StepPosition | None) -> Footprint | None:
        return self.guard(tool.server).footprint(tool, arguments, in_order=at is not None)

    def _troubles(self) -> list[str]:
        return [trouble for server in self._servers.values() if (trouble := server.trouble()) is not None]

    def _forget_tools(self) -> None:
        self._tools = None
        self.on_change()

    def _note_state(self) -> None:
        self.on_change()


class _Access:
    """A server as seen by its guard."""

    def __init__(self, server: Server, holding: Admission) -> None:
        self._server = server
        self._admission = holding

    def tool(self, remote_name: str) -> Tool | None:
        return self._server.tool(remote_name)

    async def call(self, tool: Tool, arguments: JsonObject) -> CallResult:
        return await self._server.call_for_guard(tool, arguments)

    def alone(self, claim: Claim) -> AbstractAsyncContextManager[None]:
        return self._admission.alone(claim, self._server)
