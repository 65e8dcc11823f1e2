"""What a kind of tool server is known to do beyond what MCP says: what a call changes, shown before and undone after.

Most servers have none of this. One that has (the filesystem server: `bot.tools.filesystem.guard`) overrides what it
knows; which server gets which guard is decided by its configuration, when the toolset is put together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bot.core import tool_words
from bot.core.json_text import JsonObject
from bot.core.policy.conditions import Inside
from bot.core.tools import CallResult, Preview, Tool, Undone, UndoSnapshot

T = TypeVar("T")

Claim = frozenset[str]
"""Names of what one call is about. They mean the same to the guards of all servers: two servers may work on the same
files. A name with slashes stands for all that lies below it."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a call is about, which decides whether it may run beside others."""

    changes: bool
    """It may change them. Else it only reads, beside whatever others do, but in the order of its step."""
    find: Callable[[], Awaitable[Claim]]
    """Finds out what that is now. Raises BusyError when it cannot be found out in time."""
    noun: str = "things"
    """What they are called towards the model: `Other calls were at the same things`."""


class GuardedServer(Protocol):
    """The server that a guard is for, as far as the guard may use it."""

    def tool(self, remote_name: str) -> Tool | None:
        """One of its tools as it is defined now, by the server's own name of it."""
        ...

    async def call(self, tool: Tool, arguments: JsonObject) -> CallResult:
        """Make a call of the guard's own, to look at something or to take a call back; its text is exactly what the
        server answered. It needs no right to call, so it can be made while a call of the same server is held. Never
        raises but CancelledError."""
        ...

    def alone(self, claim: Claim) -> AbstractAsyncContextManager[None]:
        """Keep calls that are about any of this from running meanwhile. Waits for those that run, however long."""
        ...


class ChangeGuard:
    """What is known of one server's calls. This one knows nothing: a call is not shown before, nor taken back after,
    and runs beside all others."""

    def footprint(self, tool: Tool, arguments: JsonObject, *, in_order: bool) -> Footprint | None:
        """What a call is about, if others that are about the same have to wait; None when it need not be known.
        `in_order`: the call is one of a step whose order matters, so what it only reads counts as well."""
        return None

    def step(self, tool: Tool, arguments: JsonObject) -> str:
        """Return a call as a step that a colleague would name, as plain text on one line: `Read release.md`. Without
        arguments it says only what the tool does, for places where they must not be shown."""
        return tool_words.step(tool, arguments)

    def outcome(self, tool: Tool, arguments: JsonObject, result: str, ok: bool) -> str:
        """Return what came of a call in a few plain words: `4 found`, `+1 −1`, `not found`. Empty when there is nothing
        worth saying.

        In: `result`, the text that the model gets, and whether the call succeeded.
        """
        return tool_words.outcome(result, ok)

    def result(self, tool: Tool, text: str, ok: bool) -> str:
        """Return the result of a call as the model gets it. Nothing of it that may be content of a file is changed. In:
        whether the call succeeded."""
        return text

    def shown(self, folder: str) -> str:
        """Return a folder of `folders` as people read it, never as a path of this machine."""
        return folder.rstrip("/").rpartition("/")[2] or folder

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """What a call would do; None when that is not known. Changes nothing, never raises, takes seconds at most."""
        return None

    async def compared(self, before: tuple[Tool, JsonObject], after: tuple[Tool, JsonObject]) -> str:
        """Return the diff from what an earlier call would have left to what another one would leave of the same thing,
        without the lines that name it; empty when there is none, or none is known. Never raises, takes seconds at
        most."""
        return ""

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """The digest of what the call would change as it is now: that of `preview`. Empty when that is not known.
        Never raises; what cannot be looked at has a digest of its own."""
        return ""

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        """Record what the call is about to change; None when it could not be taken back."""
        return None

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        """A digest of the same things now, right after the call has run; empty when they cannot be read."""
        return ""

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        """Take a call back, if things still are as `after` says. With `again` an earlier attempt may have begun, so
        that things which are as before count as taken back. Doing it again does nothing more; never raises."""
        return Undone(False, "It could not be undone: its tool server is no longer configured.")

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """What `judge` says, which asks where path arguments of a call of this tool lie. What is not known in time
        nobody can say; and nobody else is kept waiting."""
        return judge(lambda *_: None)

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Whether all paths of a call are known and surely lie in a folder that is its own real path."""
        return False

    async def folders(self, tool: Tool, arguments: JsonObject) -> Sequence[str]:
        """The folders that a grant for such calls may be bound to, the narrowest first; empty when there are none, or
        when they are not known in time."""
        return []
