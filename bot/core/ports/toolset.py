"""What the agent needs of the tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bot.core.json_text import JsonObject
from bot.core.policy.conditions import Inside
from bot.core.tools import CallResult, InStep, Preview, Tool, Undone, UndoSnapshot

T = TypeVar("T")


class Held(Protocol):
    """The right to make a call."""

    def release(self) -> None:
        """Give it back; doing it again does nothing."""
        ...


class Toolset(Protocol):
    """The tools of every configured MCP server, over shared sessions."""

    async def ready(self, seconds: float) -> Sequence[str]:
        """Wait until every server has started or failed, at most so long. Returns one sentence for each server
        that is not usable now."""
        ...

    def tools(self) -> Sequence[Tool]:
        """All tools that are known, in an order that does not change while the servers' definitions do not."""
        ...

    def find(self, name: str) -> Tool | None:
        """The tool offered under this name."""
        ...

    async def call(self, tool: Tool, arguments: JsonObject, held: Held | None = None) -> CallResult:
        """Run one call, with the right to do so if it is held already; never raises for what a server does. The
        caller's cancellation cancels the call."""
        ...

    async def seize(self, tool: Tool, arguments: JsonObject, at: InStep | None = None) -> Held | None:
        """The right to make a call, if it need not wait for other calls."""
        ...

    async def hold(self, tool: Tool, arguments: JsonObject, at: InStep | None = None) -> Held:
        """The right to make a call, as soon as its server has room for it. It is held from the last look at what the
        call will change until it has ended: other calls that may change the same things wait, and so does the taking
        back of one. `at` puts it behind those before it in its step that are about the same things and may run, too.
        Raises BusyError when others take too long."""
        ...

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """What a call would do, for tools of which we know it; None for others. Changes nothing, never raises, and
        takes seconds at most."""
        ...

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """The digest of what the call would change as it is now: that of `preview`. Empty for other tools."""
        ...

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        """Record what the call is about to change; None when it could not be taken back."""
        ...

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        """A digest of the same things now, right after the call has run; empty when they cannot be read."""
        ...

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        """Take a call back, if things still are as `after` says. With `again` an earlier attempt may have begun, so
        that things which are as before count as taken back. Doing it again does nothing more; never raises."""
        ...

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """What `judge` says, which asks where path arguments of a call of this tool lie. What the disk does
        not tell in time nobody can say; and nobody else is kept waiting."""
        ...

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Whether all paths of a call are known and surely lie in a folder that is its own real path."""
        ...

    async def folders(self, tool: Tool, arguments: JsonObject) -> Sequence[str]:
        """The folders that a grant for such calls may be bound to, the narrowest first; empty when there are none, or
        when the disk does not tell in time."""
        ...
