"""Which thread in Slack. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThreadRef:
    """Where a thread is in Slack."""

    team: str
    channel: str
    thread_ts: str
    kind: str
    """`channel`, `group`, `mpim` or `im`, as Slack's events call it; but for `im` and `mpim` a guess from the id where
    the event did not say."""
