"""The tools of every configured server, as `bot.core.ports.Toolset`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bot.core.json_text import JsonObject
from bot.core.policy.conditions import Inside
from bot.core.ports.toolset import Held
from bot.core.tools import BusyError, CallResult, DeliveryStatus, InStep, Preview, Tool, Undone, UndoSnapshot
from bot.tools.disk import Disk, DiskTimeoutError, before_the_loop
from bot.tools.filesystem import path_scope, preview, undo
from bot.tools.filesystem.claims import claim, reading
from bot.tools.filesystem.paths import Filesystem
from bot.tools.json_schema import arguments
from bot.tools.mcp.admission import Files, Holding
from bot.tools.mcp.process_reaper import Guard
from bot.tools.mcp.server import Server, State
from bot.tools.mcp.server_config import ServerConfig

T = TypeVar("T")

LOOK_SECONDS = 2.0
"""What it may take at the start to find out which files the servers work on."""
PATH_SECONDS = 5.0
"""What it may take to find out where paths lie; after that nobody can say."""
UNDO_SECONDS = 60.0


class McpToolset:
    """Shared sessions with MCP servers: one process a server, used by every thread of conversation."""

    def __init__(self, servers: Sequence[ServerConfig]) -> None:
        """In: the servers in the order their tools are to be offered in, with different keys (`config.load`)."""
        self._guard = Guard()
        self._servers = {config.key: Server(config, self._guard, self._forget_tools) for config in servers}
        self._files: dict[str, Filesystem] = {}
        """Those that are known. The manifest of a server that does not answer is read when it does."""
        before_the_loop([partial(self._look_at_files, config) for config in servers], LOOK_SECONDS)
        self._holding = Holding()
        self._disk = Disk("tools that work on no known files")
        self._loading: asyncio.Task[None] | None = None
        self._tools: tuple[Tool, ...] | None = None
        self._by_name: dict[str, Tool] = {}

    def _look_at_files(self, config: ServerConfig) -> None:
        """Find out which files a server works on. For a thread."""
        if (found := Filesystem.of(config)) is not None:
            self._files[config.key] = found

    async def launch(self) -> None:
        """Start the processes of all servers ahead of `start`, in milliseconds: they get up meanwhile."""
        if self._servers:
            self._guard.start()
            await asyncio.gather(*(server.launch() for server in self._servers.values()))

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

    async def call(self, tool: Tool, arguments: JsonObject, held: Held | None = None) -> CallResult:
        """Run one call of a tool as it was defined when the call was made: when its definition has changed since, the
        call is not sent. Never raises but CancelledError; the caller's cancellation cancels the call."""
        server = self._servers.get(tool.server)
        if server is None:
            words = f"The tool server `{tool.server}` is no longer configured. The call was not sent."
            return CallResult(DeliveryStatus.UNSENT, words, 0.0)
        return await server.call(tool, arguments, entered=held is not None)

    async def seize(self, tool: Tool, arguments: JsonObject, at: InStep | None = None) -> Held | None:
        """The right to make a call, if its server has room and nobody else is at the files that it changes, whichever
        server that is by: their folders may be the same."""
        server = self._servers.get(tool.server)
        return await self._holding.seize(server, self._files_of(tool, arguments, at), at) if server else None

    async def hold(self, tool: Tool, arguments: JsonObject, at: InStep | None = None) -> Held:
        """The same, as soon as that is so. Raises BusyError when others take longer than this call itself may."""
        server = self._servers.get(tool.server)
        if server is None:
            raise BusyError(f"The tool server `{tool.server}` is no longer configured. The call was not sent.")
        return await self._holding.hold(server, self._files_of(tool, arguments, at), at)

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """What a call of a trusted filesystem server would do to its files; None for other calls. Changes nothing,
        never raises, and takes seconds at most."""
        files = self._changed_by(tool)

        async def dry_run(arguments: JsonObject) -> CallResult:
            server = self._servers[tool.server]
            return await server.call(tool, arguments, whole=True)

        return None if files is None else await preview.preview(files, tool, arguments, dry_run)

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """The digest of what the call would change as it is now: that of `preview`. Empty for other calls."""
        files = self._changed_by(tool)
        return "" if files is None else await preview.basis(files, tool, arguments)

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        """Record what the call is about to change; None when it could not be taken back."""
        files = self._changed_by(tool)
        try:
            return None if files is None else await files.disk.run(undo.keep, files, tool, arguments)
        except DiskTimeoutError:
            return None

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        """A digest of the same things now, right after the call has run; empty when they cannot be read."""
        files = self._files.get(undo.server(before))
        try:
            return "" if files is None else await files.disk.run(undo.after, files, before)
        except DiskTimeoutError:
            return ""

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        """Take a call back, if things still are as `after` says. With `again` an earlier attempt may have begun, so
        that things which are as before count as taken back. Doing it again does nothing more; never raises."""
        files = self._files.get(undo.server(before))
        if files is None:
            return Undone(False, "It could not be taken back: its tool server is no longer configured.")
        try:
            held = await self._holding.paths(await files.disk.run(undo.claim, before))
            try:
                return await files.disk.run(undo.undo, files, before, after, again, seconds=UNDO_SECONDS)
            finally:
                held.release()
        except DiskTimeoutError:
            return Undone(False, "The disk does not answer. It may or may not have been taken back: look at the files.")

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """What `judge` says, which asks where paths lie, in a thread. When the disk does not tell in time it is judged
        as if nobody could say where any of them lie."""
        try:
            return await self._disk_of(tool).run(judge, self.inside, seconds=PATH_SECONDS)
        except DiskTimeoutError:
            return judge(lambda *_: None)

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Whether all paths of a call are known and surely lie in a folder that is its own real path."""
        paths = self.paths(tool, arguments) or ()

        def look() -> bool:
            return all(self.inside(tool, path, folder, real=True) is True for path in paths)

        try:
            return bool(paths) and await self._disk_of(tool).run(look, seconds=PATH_SECONDS)
        except DiskTimeoutError:
            return False

    async def folders(self, tool: Tool, arguments: JsonObject) -> Sequence[str]:
        """The folders that a grant for such calls may be bound to, the narrowest first; empty when there are none, or
        when the disk does not tell in time."""
        files = self._files.get(tool.server)
        try:
            return [] if files is None else await files.disk.run(path_scope.folders, files, tool, arguments)
        except DiskTimeoutError:
            return []

    def inside(self, tool: Tool, path: str, folder: str, *, real: bool = False) -> bool | None:
        """Whether a path argument of a call is a folder or lies in it, symbolic links followed; None when nobody can
        say. A relative folder is one in the first folder of the tool's server. With `real` the folder must still be its
        own real path, else nobody can say. For a thread."""
        return path_scope.inside(self._files.get(tool.server), path, folder, real=real)

    def paths(self, tool: Tool, arguments: JsonObject) -> Sequence[str] | None:
        """The path arguments of a call of a trusted filesystem server; None for other calls."""
        return path_scope.paths(tool, arguments) if tool.server in self._files else None

    def _files_of(self, tool: Tool, arguments: JsonObject, at: InStep | None) -> Files | None:
        """The files that a call is about: those that it changes, or, where its step has an order, those that it reads.
        None when it is about none that we know."""
        if (files := self._changed_by(tool)) is not None:
            return Files(files.disk, True, partial(claim, files, tool, arguments))
        files, paths = self._files.get(tool.server), path_scope.paths(tool, arguments)
        if at is None or files is None or not paths:
            return None
        return Files(files.disk, False, partial(reading, files, paths))

    def _disk_of(self, tool: Tool) -> Disk:
        """Who looks at the paths of a tool's calls."""
        files = self._files.get(tool.server)
        return self._disk if files is None else files.disk

    def _changed_by(self, tool: Tool) -> Filesystem | None:
        """The files that calls of this tool change, if we know how."""
        return self._files.get(tool.server) if tool.remote_name in preview.TOOLS else None

    def _troubles(self) -> list[str]:
        return [trouble for server in self._servers.values() if (trouble := server.trouble()) is not None]

    def _forget_tools(self) -> None:
        self._tools = None
