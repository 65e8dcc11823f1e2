"""The port to the tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bot.core.json_text import JsonObject
from bot.core.ports.change_guard import ChangeGuard
from bot.core.resource_tools import RESOURCES_SERVER
from bot.core.server_news import Unavailable
from bot.core.server_state import ServerState
from bot.core.tools import CallResult, Dialogue, StepPosition, Tool
from bot.core.untrusted import mapping, parsed


class Permit(Protocol):
    """The right to make a call."""

    def release(self) -> None:
        """Give the right back. Idempotent."""
        ...


class Free:
    """The right to make a call that touches nothing of others."""

    def release(self) -> None:
        """Do nothing."""


class Toolset(Protocol):
    """The tools of every configured MCP server, over shared sessions."""

    async def ready(self, seconds: float) -> Sequence[str]:
        """Wait until every server has started or failed, for at most this many seconds. Return one sentence for each
        server that is not usable."""
        ...

    def unavailable(self) -> Sequence[Unavailable]:
        """Return the servers that cannot be used now."""
        ...

    def states(self) -> Sequence[ServerState]:
        """Return the state of each server, for operators."""
        ...

    def tools(self) -> Sequence[Tool]:
        """Return all known tools, in an order that changes only with the servers' definitions."""
        ...

    def find(self, name: str) -> Tool | None:
        """Return the tool that is offered under a name; None if there is none."""
        ...

    def meant(self, tool: Tool, arguments: JsonObject) -> Tool:
        """Return a tool as the policy judges a call of it, and with the digest to which approvals of the call are
        bound: one that reads a resource counts as its server's."""
        ...

    async def call(
        self, tool: Tool, arguments: JsonObject, held: Permit | None = None, dialogue: Dialogue | None = None
    ) -> CallResult:
        """Run one call and return its result; never raises for what a server does.

        `held` is the right to make the call, if it was obtained already. Cancelling this cancels the call. Without a
        `dialogue`, a server that asks for something gets no answer.
        """
        ...

    async def try_acquire(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Permit | None:
        """Return the right to make a call if it need not wait for others; otherwise None."""
        ...

    async def acquire(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Permit:
        """Wait for the right to make a call, until its server has room.

        It is held from the last check of what the call will change until it has ended. Meanwhile, calls that may change
        the same things wait, and so do undos. `at` puts the call behind earlier calls of its step that are about the
        same things. Raises BusyError if others take too long.
        """
        ...

    def guard(self, server: str) -> ChangeGuard:
        """Return the guard of a server, by its key. It knows nothing for most servers, and for one that is not
        configured."""
        ...


def bound(toolset: Toolset, name: str, arguments: str) -> Tool | None:
    """Return a tool with the digest to which approvals and grants for a call of it are bound; None if there is none of
    this name. arguments: canonical JSON, which counts only for the bot's own tools for resources: approvals hold for
    the server whose resource is read, as it is configured."""
    tool = toolset.find(name)
    if tool is None or tool.server != RESOURCES_SERVER:
        return tool
    return replace(tool, digest=toolset.meant(tool, mapping(parsed(arguments))).digest)
