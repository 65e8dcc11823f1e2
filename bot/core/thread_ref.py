"""The identity of a Slack thread. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThreadRef:
    """Identifies a thread in Slack."""

    team: str
    channel: str
    thread_ts: str
    kind: str
    """`channel`, `group`, `mpim` or `im`, as in Slack's events; guessed from the channel id if the event has none."""
