"""Messages of people, from their delivery until they are in the log of their thread. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.thread_ref import ThreadRef

STOPPED_WITH = "stop"
"""The label of a person's message that has stopped a turn."""
WITHDRAWN = "withdrawn"
"""The label of a person's message that was unread when they stopped the turn with a word: it asks for nothing."""


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
    """Who has written it: a person, or the id of an app's bot; empty for a note by the bot itself."""
    ts: str
    text: str
    """The author's own words, in Slack's markup."""
    files: Sequence[str]
    """The names of attached files, if there is no `body`."""
    addressed: bool
    """It mentions the bot or is a direct message. The store also treats a follow-up as addressed if its sender has
    addressed the bot in this thread before."""
    earlier: bool = False
    """It was written before the bot was first addressed in the thread, so it is context, whoever wrote it."""
    body: str = ""
    """All that it says, in a form that only the chat's adapter reads; empty if `text` and `files` are all."""
    author: AuthorKind = AuthorKind.PERSON
    label: str = ""
    """The name of an app or a workflow, as the message gives it; `STOPPED_WITH` in the store, for a person's."""
    to_others: bool = False
    """It mentions others and not the bot, so it is no follow-up."""
    missed: bool = False
    """It was not delivered, but found in the conversation later."""
    late: bool = False
    """It is too old to be answered unasked: if it is addressed, it is held."""
    stop: bool = False
    """It says nothing but that the bot is to stop."""
    may_stop: bool = False
    """Its author may stop turns that others have asked for: the configuration names them, and they are a member."""
    post: str = ""
    """The key of the post, for a message of our own app that the bot may have posted (`bot.core.posts.Draft`). One
    that ends with `*` stands for all keys that begin with the rest."""
    unclear: bool = False
    """It is by our own app, and nobody knows yet whether it is a post of the bot's: only this is to be found out."""
    version: str = ""
    """Of the edit that gave it this wording; empty if it was not edited. Versions compare in the order of the edits."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was said in a thread before the bot was addressed there."""

    messages: Sequence[Incoming] = ()
    missing: str = ""
    """What of it could not be read, and why, in a sentence for people; empty if all could."""


class Admission(StrEnum):
    """How a delivery was handled."""

    STARTS = "starts"
    """It is addressed to the bot: wake the thread."""
    STOPS = "stops"
    """It has stopped one or more turns: wake what is waiting."""
    CONTEXT = "context"
    """It was written to others in one of the bot's threads: context for the next turn."""
    HELD = "held"
    """It is addressed to the bot, but late: context until its author wants an answer."""
    UNCLEAR = "unclear"
    """It is in one of the bot's threads, and is neither recorded nor known as a post."""
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
    """What follows from it while a request waits has been recorded; it is read once that is decided."""
    body: str = ""
    author: AuthorKind = AuthorKind.PERSON
    label: str = ""
    held: bool = False
    """It was addressed to the bot, which read it too late to answer unasked."""
    version: str = ""
    """Of the edit that gave it this wording (`Incoming.version`)."""
    change: str = ""
    """What it reports of a message that is in the log (`bot.core.amendments`); empty for a message itself."""
    changed_ts: str = ""
    """The timestamp of that message."""
