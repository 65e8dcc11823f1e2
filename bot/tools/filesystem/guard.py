"""The `ChangeGuard` of the filesystem server, and the location of path arguments on this machine.

All disk access happens in the threads of that disk and is limited in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bot.core.json_text import JsonObject
from bot.core.ledger import Changed, LedgerEntry
from bot.core.policy.conditions import Inside
from bot.core.ports.change_guard import ChangeGuard, Claim, Footprint, GuardedServer
from bot.core.questions.scope import Offers
from bot.core.tool_words import Form
from bot.core.tools import BusyError, CallResult, Preview, Tool, Undone, UndoSnapshot
from bot.pace import offload
from bot.tools.disk import Disk, DiskTimeoutError
from bot.tools.filesystem import (
    claimed_paths,
    combined,
    grant_scope,
    path_scope,
    prediction,
    preview,
    proposals,
    steps,
    undo,
    wording,
)
from bot.tools.filesystem.paths import Filesystem
from bot.tools.server_config import ServerConfig

T = TypeVar("T")

PATH_SECONDS = 5.0
"""Time limit for resolving paths; after that their location is unknown."""
UNDO_SECONDS = 60.0


class LocalPaths(ChangeGuard):
    """The guard of a server whose files are not known: absolute paths in its calls are taken as paths on this machine,
    so that a policy can restrict where they lie."""

    def __init__(self, disk: Disk | None = None, files: Filesystem | None = None) -> None:
        self._where = disk or Disk("tools that work on no known files")
        self._known = files

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """Call `judge` in a thread. If the disk does not answer in time, it is called again as if the location of every
        path were unknown."""
        try:
            return await self._where.run(judge, self.inside, seconds=PATH_SECONDS)
        except DiskTimeoutError:
            return judge(lambda *_: None)

    def inside(self, tool: Tool, path: str, folder: str, *, real: bool = False) -> bool | None:
        """Whether a path argument of a call is a folder or lies in it, with symbolic links resolved; None if unknown. A
        relative folder is relative to the first folder of the tool's server. With `real`, the result is unknown unless
        the folder is still its own real path. Runs in a thread."""
        return path_scope.inside(self._known, path, folder, real=real)


class FilesystemGuard(LocalPaths):
    """The guard of a trusted filesystem server on this machine."""

    def __init__(self, files: Filesystem, server: GuardedServer) -> None:
        super().__init__(files.disk, files)
        self._files = files
        self._server = server

    @classmethod
    def of(cls, config: ServerConfig, server: GuardedServer) -> FilesystemGuard | None:
        """Return the guard of a configured server; None if it is not a filesystem server that we know. Runs in a
        thread, as it may access a disk."""
        files = Filesystem.of(config)
        return None if files is None else cls(files, server)

    def footprint(self, tool: Tool, arguments: JsonObject, *, in_order: bool) -> Footprint | None:
        """Return the files that a call changes, or, if its step has an order, those that it reads."""
        if tool.remote_name in preview.TOOLS:
            return Footprint(True, partial(self._claim, claimed_paths.claim, tool, arguments), "files")
        named = path_scope.paths(tool, arguments) if in_order else None
        return Footprint(False, partial(self._claim, claimed_paths.reading, named), "files") if named else None

    async def _claim(self, find: Callable[..., Claim], *about: object) -> Claim:
        try:
            return await self._files.disk.run(find, self._files, *about)
        except DiskTimeoutError:
            raise BusyError("The disk with its files does not answer. The call was not sent.") from None

    def step(self, tool: Tool, arguments: JsonObject, form: Form = Form.DONE) -> str:
        """Return a call as a step, with paths relative to the server's folders."""
        return steps.step(tool, arguments, self._files.shown, form)

    def outcome(self, tool: Tool, arguments: JsonObject, result: str, ok: bool) -> str:
        """Return how much was found or changed, or why it failed."""
        return steps.outcome(tool, result, ok)

    def result(self, tool: Tool, text: str, ok: bool) -> str:
        """Return a result with relative paths, which the server takes as well, so that none of this machine gets into
        an answer."""
        return steps.without_machine(tool, text, ok, self._files.usable)

    def changed_files(self, remote_name: str, arguments: JsonObject) -> Sequence[str] | None:
        """Return the name of the file that a call changes; a new folder does not count."""
        return combined.names(self._files, remote_name, arguments)

    async def combined(self, entries: Sequence[LedgerEntry]) -> Sequence[Changed]:
        """Return what calls have changed, one entry for each file or folder."""
        size = sum(entry.size for entry in entries)
        return await offload(size, combined.combined, self._files, entries)

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """Return what a call would do to the files; None for a tool that is not known."""

        async def dry_run(arguments: JsonObject) -> CallResult:
            return await self._server.call(tool, arguments)

        named = path_scope.paths(tool, arguments)
        paths = {path: self._files.shown(path) for path in named or ()}
        if tool.remote_name not in preview.TOOLS:
            if named is None:
                return None
            heading, title = self.step(tool, arguments, Form.WANTED), self.step(tool, {}, Form.WANTED)
            return wording.reading(heading, title, paths)
        found = await preview.preview(self._files, tool, arguments, dry_run)
        return wording.worded(tool.remote_name, found, paths, tried=arguments.get("dryRun") is True)

    async def predicted(
        self, tool: Tool, arguments: JsonObject, before: Sequence[tuple[Tool, JsonObject]]
    ) -> Preview | None:
        """Return what a call would do to the files once others have been made."""
        if tool.remote_name not in preview.TOOLS:
            return None
        try:
            found = await self._files.disk.run(prediction.predicted, self._files, tool, arguments, before)
        except (DiskTimeoutError, RecursionError):
            return None
        paths = {path: self._files.shown(path) for path in path_scope.paths(tool, arguments) or ()}
        tried = arguments.get("dryRun") is True
        return None if found is None else wording.worded(tool.remote_name, found, paths, tried=tried)

    async def dependencies(
        self, tool: Tool, arguments: JsonObject, others: Sequence[tuple[Tool, JsonObject]]
    ) -> Sequence[int]:
        """Return which of the others change files or folders that a call concerns."""
        try:
            return await self._files.disk.run(prediction.dependencies, self._files, tool, arguments, others)
        except (DiskTimeoutError, RecursionError):
            return ()

    async def compared(self, before: tuple[Tool, JsonObject], after: tuple[Tool, JsonObject]) -> str:
        """Return the diff between what two calls would leave in one file."""
        try:
            return await self._files.disk.run(proposals.compared, self._files, before, after, seconds=PATH_SECONDS)
        except (DiskTimeoutError, RecursionError):
            return ""

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """Return the digest of the current state of the files that a call would change."""
        return await preview.basis(self._files, tool, arguments) if tool.remote_name in preview.TOOLS else ""

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        """Return the files that the call is about to change, unless they are too long."""
        if tool.remote_name not in preview.TOOLS:
            return None
        try:
            return await self._files.disk.run(undo.keep, self._files, tool, arguments)
        except DiskTimeoutError:
            return None

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        """Return a digest of the state after the call."""
        try:
            return await self._files.disk.run(undo.after, self._files, before)
        except DiskTimeoutError:
            return ""

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        """Restore the files, while no call touches them."""
        disk = self._files.disk
        try:
            async with self._server.alone(await offload(len(before.plan), undo.claim, before)):
                return await disk.run(undo.undo, self._files, before, after, again, seconds=UNDO_SECONDS)
        except DiskTimeoutError:
            return Undone(False, "The disk does not answer. It may or may not have been undone: look at the files.")

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Whether all paths of a call are known and certainly lie in a folder that is its own real path."""
        paths = path_scope.paths(tool, arguments) or ()

        def look() -> bool:
            return all(self.inside(tool, path, folder, real=True) is True for path in paths)

        try:
            return bool(paths) and await self._files.disk.run(look, seconds=PATH_SECONDS)
        except DiskTimeoutError:
            return False

    async def changes_only(self, tool: Tool, arguments: JsonObject, file: str) -> bool:
        """Return whether a call names no other file than this one."""
        try:
            return await self._files.disk.run(
                grant_scope.only, self._files, tool, arguments, file, seconds=PATH_SECONDS
            )
        except DiskTimeoutError:
            return False

    async def offers(self, tool: Tool, arguments: JsonObject) -> Offers:
        """Return the file that a call names, and the folders that contain everything it names."""
        try:
            return await self._files.disk.run(grant_scope.offers, self._files, tool, arguments)
        except DiskTimeoutError:
            return Offers(comparable=False)
