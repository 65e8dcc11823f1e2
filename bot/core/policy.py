"""Which calls run by themselves, which ask, which are refused. Unknown means ask."""

from __future__ import annotations

from enum import StrEnum

from bot.core.calls import Tool


class Ruling(StrEnum):
    """What the policy says of a call."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


def rule(tool: Tool) -> Ruling:
    """Read-only tools of a trusted server run without asking; everything else asks.

    Annotations of an untrusted server are hints that anybody may have written (MCP specification, tools): they count
    for nothing.
    """
    return Ruling.ALLOW if tool.trusted and tool.read_only else Ruling.ASK


def repeatable(tool: Tool) -> bool:
    """Whether a call of unknown outcome may run again by itself: only what our own configuration vouches for."""
    return tool.trusted and tool.read_only
