"""How one MCP server is reached and how far it is trusted. Data; `bot.config.mcp_json` reads it from a file.

Which subclass it is decides by which transport the server is reached (`bot.tools.mcp.transports.registry`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALL_SECONDS = 60.0
"""How long a call may take when the configuration does not say; the MCP SDKs' own default."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What is said of every server, however it is reached."""

    key: str
    """Its name in the configuration; its tools are offered as `{key}__{tool}`."""
    trusted: bool = field(default=False, kw_only=True)
    """We believe what the server says of its tools (readOnlyHint and the like)."""
    call_seconds: float = field(default=CALL_SECONDS, kw_only=True)
    """How long one call may take before it counts as unanswered."""

    def identity(self) -> Sequence[object]:
        """What makes it this server and no other, as JSON values: approvals and grants that were given for one server
        do not hold for another that takes its key. Holds no secrets."""
        return (self.key, self.trusted)


@dataclass(frozen=True, slots=True)
class StdioServer(ServerConfig):
    """A server that is a process of ours and is talked to over its stdin and stdout."""

    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Given to the server on top of HOME, LOGNAME, PATH, SHELL, TERM and USER. Nothing else of ours reaches it."""
    cwd: Path | None = None

    def identity(self) -> Sequence[object]:
        return (self.key, self.command, list(self.args), str(self.cwd), self.trusted)
