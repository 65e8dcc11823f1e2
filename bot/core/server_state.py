"""What operators may know about a tool server. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server as it is now."""

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

    def line(self) -> str:
        """Return the state as one line: `notes: up for 3 h, 14 tools`."""
        parts = [f"{self.key}: {self.state} for {lasting(self.seconds)}", f"{self.tools} tools" if self.tools else ""]
        said = f"last words: {self.last_words}" if self.last_words else ""
        ended = f"last error: {self.last_error}" if self.last_error else ""
        return " · ".join(filter(None, (", ".join(filter(None, parts)), ended, said)))


def lasting(seconds: float) -> str:
    """Return a duration in its largest unit: `3 h`, `40 s`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
