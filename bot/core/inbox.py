"""Messages between their delivery and their entry in the log of their thread. Pure data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.model_options import ChoiceMessage
from bot.core.thread_ref import ThreadRef

_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")
STOPPED_WITH = "stop"
"""The label of a person's message that has stopped a turn."""
WITHDRAWN = "withdrawn"
"""The label of a person's message that was unread when they stopped the turn: it is no longer a request. An app's keeps
its label."""
CHOSEN_WITH = "model"
"""The label of a person's message that has chosen the model of its thread."""
SETTLED = (STOPPED_WITH, WITHDRAWN, CHOSEN_WITH)
"""Labels of messages that never are requests to the model, however they are edited or delivered again."""


class AuthorKind(StrEnum):
    """Who wrote a message. Only people, and apps that the configuration names, may address the bot."""

    PERSON = ""
    OWN = "own"
    """Our own app."""
    APP = "app"
    WORKFLOW = "workflow"
    SLACK = "slack"
    """Slackbot, or a notice by Slack that something has happened."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message, as delivered by Slack."""

    place: ThreadRef
    event_id: str
    user: str
    """The author: a person, or the id of an app's bot; empty for a note by the bot itself."""
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
    """The full content, in a format that only the chat's adapter reads; empty if `text` and `files` are everything."""
    author: AuthorKind = AuthorKind.PERSON
    label: str = ""
    """The name of an app or a workflow, as the message gives it. For people, the store keeps one of `SETTLED` here."""
    to_others: bool = False
    """It mentions others and not the bot, so it is no follow-up."""
    missed: bool = False
    """It was not delivered, but found in a history later."""
    late: bool = False
    """It is too old to be answered unasked: if it is addressed to the bot, it is held."""
    stop: bool = False
    """It consists of a stop word alone."""
    may_stop: bool = False
    """Its author is a member and an approver, and may therefore stop turns of others."""
    post: str = ""
    """The key of the post, for a message of our own app that the bot may have posted (`bot.core.posts.Draft`). One
    that ends with `*` means all keys that begin with the rest."""
    unclear: bool = False
    """It is by our own app, and whether it is a post of the bot is still unknown: admission only finds that out."""
    version: str = ""
    """The version of the edit that gave it this wording; empty if it was not edited. Versions sort in the order of the
    edits."""
    choice: ChoiceMessage | None = None
    """What it asks for if it does nothing but choose a model."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was written in a thread before the bot was addressed there."""

    messages: Sequence[Incoming] = ()
    missing: str = ""
    """What of it could not be read, and why, in a sentence for people; otherwise empty."""


class Admission(StrEnum):
    """What became of a delivered message."""

    STARTS = "starts"
    """It is addressed to the bot: wake the thread."""
    STOPS = "stops"
    """It stopped one or more turns: wake every thread that has something to do."""
    CHOOSES = "chooses"
    """It was about the model of its thread, and is answered: update Slack."""
    CONTEXT = "context"
    """It was written to others in one of the bot's threads, and is context for the next turn."""
    HELD = "held"
    """It is addressed to the bot, but late: context until its author asks for an answer."""
    UNCLEAR = "unclear"
    """It is in one of the bot's threads, and neither recorded nor known as a post."""
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    """It does not concern the bot."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that is recorded but not yet in the log."""

    id: int
    user: str
    ts: str
    text: str
    files: Sequence[str]
    addressed: bool
    notified: bool = False
    """Whether its author was informed, while a request waits, of what becomes of it."""
    body: str = ""
    author: AuthorKind = AuthorKind.PERSON
    label: str = ""
    held: bool = False
    """Whether it was addressed to the bot but delivered too late to be answered unasked."""
    version: str = ""
    """The version of its wording (`Incoming.version`)."""
    change: str = ""
    """What it reports about a message that is in the log (`bot.core.amendments`); empty for an ordinary message."""
    changed_ts: str = ""
    """The timestamp of the message that it reports about."""


def timestamp(at: float) -> str:
    """Return a timestamp for what is not a message in Slack, from Unix seconds. It sorts with those of Slack, and has a
    digit more than they have."""
    return f"{at:.7f}"


def at_slacks_time(ts: str, otherwise: float) -> str:
    """Return a timestamp for what is not a message in Slack, by Slack's clock: right behind a timestamp of Slack's. Its
    clock and ours may differ by more than lies between a request and a stop.

    otherwise: Unix seconds by our clock, which count if Slack has given no timestamp.
    """
    return f"{ts}1" if _TS.fullmatch(ts) else timestamp(otherwise)


def is_in_slack(ts: str) -> bool:
    """Return whether a timestamp is that of a message in Slack, and none of ours."""
    return len(ts.partition(".")[2]) <= 6
