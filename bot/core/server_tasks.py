"""Tasks of MCP servers: calls that a server takes on and finishes later (extension io.modelcontextprotocol/tasks,
2026-07-28). Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.core.json_text import canonical
from bot.core.tools import CallResult
from bot.core.untrusted import mapping, parsed, text

MAX_ID = 1_000
"""Characters of the id that a server gives to a task."""
MIN_POLL, USUAL_POLL, MAX_POLL = 0.5, 2.0, 60.0
"""Seconds between two questions about a task: the server's own wish within limits, and what counts without one."""
LATE_SECONDS = 24 * 3600.0
"""How long a server may not be reached that keeps a task without a limit, until nobody knows what became of it."""


def poll_seconds(milliseconds: object) -> float:
    """Return how long to wait until a task is asked about again, as its server wants it."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float) or milliseconds <= 0:
        return USUAL_POLL
    return min(max(milliseconds / 1000, MIN_POLL), MAX_POLL)


@dataclass(frozen=True, slots=True)
class ServerTask:
    """What is recorded of a task before it is asked about for the first time."""

    id: str
    """The server's own id."""
    since: float
    """When the server took it on, Unix time in seconds."""
    until: float = 0.0
    """Until when the server promises to keep it; 0 without a limit."""
    poll: float = USUAL_POLL
    """Seconds between two questions about it."""
    words: str = ""
    """What the server says about its progress: one line, untrusted."""
    origin: str = ""
    """A digest of how the server is configured that keeps it: another one with the same key may have a task of this id,
    too. Empty if it is not known."""

    def dumps(self) -> str:
        """Return it as the store has it."""
        kept = {"id": self.id, "poll": self.poll, "since": self.since, "until": self.until}
        return canonical({**kept, **({"origin": self.origin} if self.origin else {})})


def loads(body: str) -> ServerTask:
    """Return a task from what the store has."""
    found = mapping(parsed(body))

    def number(name: str) -> float:
        value = found.get(name)
        return float(value) if isinstance(value, int | float) else 0.0

    poll, origin = number("poll") or USUAL_POLL, text(found.get("origin"))
    return ServerTask(str(found.get("id", "")), number("since"), number("until"), poll, origin=origin)


class TaskStatus(StrEnum):
    """What a server says about a task."""

    WORKING = "working"
    ENDED = "ended"
    """It has a result, failed or was cancelled."""
    GONE = "gone"
    """The server does not know it (any more), so nobody knows what became of the call."""
    SILENT = "silent"
    """The server cannot be asked at the moment."""


@dataclass(frozen=True, slots=True)
class TaskReport:
    """The answer to one question about a task."""

    status: TaskStatus
    words: str = ""
    """Its progress, or why it is silent: one line, untrusted."""
    poll: float = USUAL_POLL
    until: float | None = None
    """Until when the server now promises to keep it; None if it does not say."""
    result: CallResult | None = None
    """The result of the call, once it has ended."""
