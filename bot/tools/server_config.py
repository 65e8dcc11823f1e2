"""The configuration of one MCP server: how it is reached and whether it is trusted. `bot.config.mcp_json` reads it from
a file.

The subclass determines the transport (`bot.tools.mcp.transports.registry`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALL_SECONDS = 60.0
"""The time limit of a call if none is configured; the MCP SDKs' own default."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The settings that all kinds of servers have."""

    key: str
    """The name in the configuration; tools are offered as `{key}__{tool}`."""
    trusted: bool = field(default=False, kw_only=True)
    """Whether the server's annotations of its tools count (readOnlyHint and the like)."""
    call_seconds: float = field(default=CALL_SECONDS, kw_only=True)
    """How long a call may take before it counts as unanswered."""

    def identity(self) -> Sequence[object]:
        """Return JSON values that identify the server: approvals and grants for one server do not apply to another one
        with the same key. Contains no secrets."""
        return (self.key, self.trusted)


@dataclass(frozen=True, slots=True)
class HttpServer(ServerConfig):
    """A server that somebody else runs, reached over streamable HTTP."""

    url: str = field(repr=False)
    """May contain a secret in its query."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Sent with every request; usually they contain a secret."""

    def identity(self) -> Sequence[object]:
        return (self.key, self.url.partition("?")[0], self.trusted)


@dataclass(frozen=True, slots=True)
class SseServer(HttpServer):
    """A server that is reached over HTTP with SSE, which the specification replaced in 2025-03-26."""


@dataclass(frozen=True, slots=True)
class StdioServer(ServerConfig):
    """A server that is a child process, reached over its stdin and stdout."""

    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Variables for the server in addition to HOME, LOGNAME, PATH, SHELL, TERM and USER. It gets no others of ours."""
    cwd: Path | None = None

    def identity(self) -> Sequence[object]:
        return (self.key, self.command, list(self.args), str(self.cwd), self.trusted)
