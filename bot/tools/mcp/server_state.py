"""The states of a server."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The state of a server."""

    STARTING = "starting"
    """The first attempt is in progress."""
    UP = "up"
    DOWN = "down"
    """It failed to start, or ended; it is restarted after a pause."""
    STOPPED = "stopped"
