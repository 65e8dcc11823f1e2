"""What turns have cost and what people think of their answers, added up. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.core.transaction import Usage


class By(StrEnum):
    """What turns are added up by."""

    PERSON = "person"
    CHANNEL = "channel"
    MODEL = "model"
    DAY = "day"
    """In UTC, as YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The turns of one person, channel, model or day."""

    name: str
    """Empty if it is not recorded, such as the model of a turn that none has answered."""
    turns: int
    answered: int
    failed: int
    stopped: int
    usage: Usage
    good: int
    """How many have called an answer good."""
    bad: int
    estimated: int = 0
    """Requests whose cost was estimated."""
    unknown: int = 0
    """Requests whose cost is not known and counts as 0."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody has written about a bad answer."""

    at: float
    """Unix time in seconds."""
    channel: str
    thread_ts: str
    turn: int
    user: str
    words: str
