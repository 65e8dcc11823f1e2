"""What is known of the filesystem server's calls, as a `ChangeGuard`; and where paths lie on this machine.

Everything that looks at a disk is done by the threads of that disk, and comes back in time when it does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bot.core.json_text import JsonObject
from bot.core.policy.conditions import Inside
from bot.core.ports.change_guard import ChangeGuard, Claim, Footprint, GuardedServer
from bot.core.tools import BusyError, CallResult, Preview, Tool, Undone, UndoSnapshot
from bot.tools.disk import Disk, DiskTimeoutError
from bot.tools.filesystem import claimed_paths, path_scope, preview, undo, wording
from bot.tools.filesystem.paths import Filesystem
from bot.tools.server_config import ServerConfig

T = TypeVar("T")

PATH_SECONDS = 5.0
"""What it may take to find out where paths lie; after that nobody can say."""
UNDO_SECONDS = 60.0


class LocalPaths(ChangeGuard):
    """Of a server whose files are not known: absolute paths in its calls are taken for paths of this machine, so that a
    policy can say where they may lie."""

    def __init__(self, disk: Disk | None = None, files: Filesystem | None = None) -> None:
        self._where = disk or Disk("tools that work on no known files")
        self._known = files

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """What `judge` says, in a thread. When the disk does not tell in time it is judged as if nobody could say where
        any of the paths lie."""
        try:
            return await self._where.run(judge, self.inside, seconds=PATH_SECONDS)
        except DiskTimeoutError:
            return judge(lambda *_: None)

    def inside(self, tool: Tool, path: str, folder: str, *, real: bool = False) -> bool | None:
        """Whether a path argument of a call is a folder or lies in it, symbolic links followed; None when nobody can
        say. A relative folder is one in the first folder of the tool's server. With `real` the folder must still be its
        own real path, else nobody can say. For a thread."""
        return path_scope.inside(self._known, path, folder, real=real)


class FilesystemGuard(LocalPaths):
    """Of a trusted filesystem server on this machine."""

    def __init__(self, files: Filesystem, server: GuardedServer) -> None:
        super().__init__(files.disk, files)
        self._files = files
        self._server = server

    @classmethod
    def of(cls, config: ServerConfig, server: GuardedServer) -> FilesystemGuard | None:
        """The guard of a configured server; None when it is no filesystem server that we know. May have to ask a disk:
        for a thread."""
        files = Filesystem.of(config)
        return None if files is None else cls(files, server)

    def footprint(self, tool: Tool, arguments: JsonObject, *, in_order: bool) -> Footprint | None:
        """The files that a call changes, or, where its step has an order, those that it reads."""
        if tool.remote_name in preview.TOOLS:
            return Footprint(True, partial(self._claim, claimed_paths.claim, tool, arguments), "files")
        named = path_scope.paths(tool, arguments) if in_order else None
        return Footprint(False, partial(self._claim, claimed_paths.reading, named), "files") if named else None

    async def _claim(self, find: Callable[..., Claim], *about: object) -> Claim:
        try:
            return await self._files.disk.run(find, self._files, *about)
        except DiskTimeoutError:
            raise BusyError("The disk with its files does not answer. The call was not sent.") from None

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """What a call would do to the files; None for a tool that changes none."""

        async def dry_run(arguments: JsonObject) -> CallResult:
            return await self._server.call(tool, arguments)

        if tool.remote_name not in preview.TOOLS:
            return None
        found = await preview.preview(self._files, tool, arguments, dry_run)
        return wording.worded(tool.remote_name, found)

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """The digest of the files that a call would change as they are now."""
        return await preview.basis(self._files, tool, arguments) if tool.remote_name in preview.TOOLS else ""

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        """The files that the call is about to change, when they are not too long."""
        if tool.remote_name not in preview.TOOLS:
            return None
        try:
            return await self._files.disk.run(undo.keep, self._files, tool, arguments)
        except DiskTimeoutError:
            return None

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        """A digest of what the call has left."""
        try:
            return await self._files.disk.run(undo.after, self._files, before)
        except DiskTimeoutError:
            return ""

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        """Put the files back, while no call is at them."""
        disk = self._files.disk
        try:
            async with self._server.alone(await disk.run(undo.claim, before)):
                return await disk.run(undo.undo, self._files, before, after, again, seconds=UNDO_SECONDS)
        except DiskTimeoutError:
            return Undone(False, "The disk does not answer. It may or may not have been taken back: look at the files.")

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Whether all paths of a call are known and surely lie in a folder that is its own real path."""
        paths = path_scope.paths(tool, arguments) or ()

        def look() -> bool:
            return all(self.inside(tool, path, folder, real=True) is True for path in paths)

        try:
            return bool(paths) and await self._files.disk.run(look, seconds=PATH_SECONDS)
        except DiskTimeoutError:
            return False

    async def folders(self, tool: Tool, arguments: JsonObject) -> Sequence[str]:
        """The folders that hold everything a call names."""
        try:
            return await self._files.disk.run(path_scope.folders, self._files, tool, arguments)
        except DiskTimeoutError:
            return []
