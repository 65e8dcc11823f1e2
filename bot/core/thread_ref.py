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

    @property
    def is_thread(self) -> bool:
        """Whether it is in Slack; false for what holds the direct messages to one person that belong to no thread."""
        return self.thread_ts != DIRECT


DIRECT = "direct"
"""In place of the timestamp: `channel` is the id of a person."""
