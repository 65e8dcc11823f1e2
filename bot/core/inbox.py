"""Messages of people, from their delivery until they are in the log of their thread. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.thread_ref import ThreadRef


class AuthorKind(StrEnum):
    """Who has written a message. Only people, and apps that the configuration names, may address the bot."""

    PERSON = ""
    OWN = "own"
    """Our own app."""
    APP = "app"
    WORKFLOW = "workflow"
    SLACK = "slack"
    """Slackbot, or Slack itself saying that something has happened."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message, as delivered by Slack."""

    place: ThreadRef
    event_id: str
    user: str
    ts: str
    text: str
    """The text in Slack's markup, unchanged."""
    files: Sequence[str]
    """The names of attached files."""
    addressed: bool
    """It mentions the bot or is a direct message. The store also treats a follow-up as addressed if its sender has
    addressed the bot in this thread before."""
    earlier: bool = False
    """It was written before the bot was first addressed in the thread, so it is context, whoever wrote it."""


class Admission(StrEnum):
    """How a delivery was handled."""

    STARTS = "starts"
    """It is addressed to the bot: wake the thread."""
    CONTEXT = "context"
    """It was written to others in one of the bot's threads: context for the next turn."""
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    """It does not concern the bot."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that is committed but not yet in the log."""

    id: int
    user: str
    ts: str
    text: str
    files: Sequence[str]
    addressed: bool
    notified: bool = False
    """Its sender has been notified that it will be read once the open request is decided."""
