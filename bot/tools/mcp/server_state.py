"""The states of a server, and what operators may know about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of a server."""

    STARTING = "starting"
    """The first attempt is in progress."""
    UP = "up"
    DOWN = "down"
    """It failed to start, or ended; it is restarted after a pause."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ServerState:
    """What operators may know about a server."""

    key: str
    state: str
    tools: int
    trouble: str
    """A sentence on why it is not usable now; empty if it is."""
    last_error: str
    """Why its last connection ended; empty if none has."""
    last_words: str
    """The end of what it then had written to stderr, as one line without the values of its configuration."""
    seconds: float
    """How long it has been in this state."""
