"""What people said, from the moment it comes in until it is in the log of its thread. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.thread_ref import ThreadRef


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of a person, as Slack delivered it."""

    place: ThreadRef
    event_id: str
    user: str
    ts: str
    text: str
    """Slack's own markup, unchanged."""
    files: Sequence[str]
    """The names of attached files."""
    addressed: bool
    """It mentions the bot or is a direct message. A follow-up of somebody who has addressed the bot in this thread
    counts as addressed too; only the store knows who has."""
    earlier: bool = False
    """It was said before the first word to the bot, so it is context, whoever said it."""


class Admission(StrEnum):
    """What became of a delivery."""

    STARTS = "starts"
    """It is for the bot: the thread is to be woken."""
    CONTEXT = "context"
    """It was said in a thread of the bot's, to others: context for the next turn."""
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    """It has nothing to do with the bot."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that has been committed and is not yet in the log."""

    id: int
    user: str
    ts: str
    text: str
    files: Sequence[str]
    addressed: bool
    told: bool = False
    """Its sender knows that it will be read once the open request is decided."""
