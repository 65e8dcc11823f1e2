"""Tools and facts for policy tests."""

from __future__ import annotations

from bot.core.policy.rules import Facts
from bot.core.tools import Tool


def tool(
    remote: str = "write_file",
    server: str = "files",
    *,
    trusted: bool = True,
    read_only: bool = False,
    destructive: bool = True,
    properties: tuple[str, ...] = ("path", "content"),
) -> Tool:
    """Build a tool."""
    return Tool(
        name=f"{server}__{remote}",
        server=server,
        remote_name=remote,
        description="",
        schema={"type": "object", "properties": {name: {"type": "string"} for name in properties}},
        parameters={},
        trusted=trusted,
        read_only=read_only,
        destructive=destructive,
        idempotent=False,
        digest="",
    )


def facts(
    user: str = "U1", channel: str = "C1", kind: str = "channel", groups: frozenset[str] | None = frozenset()
) -> Facts:
    """Build the facts of a call."""
    return Facts(channel, kind, user, groups)


def inside(_tool: Tool, path: str, folder: str) -> bool | None:
    """Compare paths by their texts; a path with `?` cannot be resolved."""
    return None if "?" in path else path == folder or path.startswith(f"{folder}/")
