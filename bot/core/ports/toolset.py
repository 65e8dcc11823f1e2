"""What the agent needs of the tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.json_text import JsonObject
from bot.core.ports.change_guard import ChangeGuard
from bot.core.tools import CallResult, StepPosition, Tool


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

    async def seize(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Held | None:
        """The right to make a call, if it need not wait for other calls."""
        ...

    async def hold(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Held:
        """The right to make a call, as soon as its server has room for it. It is held from the last look at what the
        call will change until it has ended: other calls that may change the same things wait, and so does the taking
        back of one. `at` puts it behind those before it in its step that are about the same things and may run, too.
        Raises BusyError when others take too long."""
        ...

    def guard(self, server: str) -> ChangeGuard:
        """What is known of the calls of a server, by its key; a guard that knows nothing for most servers, and for one
        that is not configured."""
        ...
