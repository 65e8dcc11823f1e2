"""Where a thread is, who began it and when, in words for the model. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a system prompt says about the thread in which it stands."""

    channel: str
    """The conversation, such as `the public channel #general`."""
    requester: str
    """The name of who began it."""
    date: str
    """The day on which it began, where that person is."""
