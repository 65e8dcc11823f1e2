"""How one MCP server is started and how far it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CALL_SECONDS = 60.0
"""How long a call may take when the configuration does not say; the MCP SDKs' own default."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How to run one MCP server over stdio."""

    key: str
    """Its name in the configuration; its tools are offered as `{key}__{tool}`."""
    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Given to the server on top of HOME, LOGNAME, PATH, SHELL, TERM and USER. Nothing else of ours reaches it."""
    cwd: Path | None = None
    trusted: bool = False
    """We believe what the server says of its tools (readOnlyHint and the like)."""
    call_seconds: float = CALL_SECONDS
    """How long one call may take before it counts as unanswered."""
