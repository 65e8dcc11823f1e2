"""Messages that we post in Slack. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """One Slack message to be posted, rendered."""

    key: str
    """Unique; carried in the message's metadata so that a post of unknown outcome can be found again."""
    kind: str
    """`answer`, `summary`, `card`, `notice`, `parked`, `progress`, `file`."""
    payload: str
    """JSON for the gateway that renders and posts it."""
