"""Outages: times without a connection to the chat, and which conversations have to be read because of them. Pure.

The chat keeps nothing for a bot that is not connected, so what was written meanwhile is read from the histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from bot.core.amendments import Amendment
from bot.core.inbox import Incoming
from bot.core.thread_ref import ThreadRef

MARGIN_SECONDS = 600.0
"""How much earlier than the outage a conversation is read from. An event that was not acknowledged may have been
waiting for Slack's last retry, five minutes after the second (docs.slack.dev/apis/events-api, "Retries")."""
ACTIVE_DAYS = 30
"""Threads without messages for this long are read only when somebody mentions the bot there again."""
LOOK_BACK_DAYS = 7
"""Conversations are read at most this far back, however long the outage was."""
MAX_THREADS = 300
MAX_CONVERSATIONS = 300
"""How many of each are read after an outage, those with the newest activity first. Slack allows about 50 requests a
minute (docs.slack.dev/apis/web-api/rate-limits, Tier 3)."""
REREAD = 25
"""How many of a thread's newest messages are compared with the chat at once after an outage. The first message, unread
messages and the requests of the open turn are compared too. The others are compared later, in the background."""
DAY = 86_400.0


class Hold(IntEnum):
    """How far a message is that was too old to be answered unasked. Numbers as they are stored."""

    NONE = 0
    UNASKED = 1
    """Its author is to be asked, unless they have written again and that is unread."""
    ASKED = 2
    """An open question is about it."""
    TAKEN_UP = 3
    """It was read together with something that its author wrote later. If that is deleted before it is answered, the
    author is to be asked after all. Once it is answered and another turn opens, this is done."""
    DONE = 4
    """It was answered, or nobody wanted that, or it is gone."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What may have been missed in a thread or conversation."""

    since: float
    """Unix time in seconds at which the first outage began that was not made up for there."""
    last: int
    """The number of the last outage."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A channel or a direct message."""

    team: str
    channel: str
    kind: str
    """As in `ThreadRef`."""


@dataclass(frozen=True, slots=True)
class ActiveThread:
    """One of the bot's threads, at a message that was recorded there."""

    number: int
    """The number of the message; the newest has the highest."""
    at: float
    """When the message was recorded, Unix time in seconds."""
    thread_id: int
    place: ThreadRef
    gap: Gap | None
    """None if nothing can have been missed in the thread."""


@dataclass(frozen=True, slots=True)
class KnownThread:
    """One of the bot's threads."""

    thread_id: int
    place: ThreadRef
    gap: Gap | None
    """None if nothing can have been missed in the thread."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What was read because of an outage."""

    messages: Sequence[Incoming] = ()
    """The messages, oldest first."""
    changes: Sequence[Amendment] = ()
    """Edits and deletions of messages that were recorded before."""
    compared: int = 0
    """How many of the recorded messages were compared with the chat, besides the first message of the thread."""
    is_compared: bool = True
    """Whether that was all of them, so that no edit and no deletion can have been missed."""
    is_whole: bool = True
    """Whether all new messages were read. Otherwise the newest are missing."""
    last: int = 0
    """The number of the last outage that is made up for, or that cannot be: nothing more is to be read. 0 if reading
    may be tried again."""
    error: str = ""
    """The chat's error code if not everything could be read; otherwise empty."""
    words: str = ""
    """What could not be read, and why, in a sentence for people."""


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A message that is recorded in a thread and not known to be deleted."""

    ts: str
    is_open: bool
    """Whether it is unread, or a request of the open turn."""


@dataclass(frozen=True, slots=True)
class HeldMessages:
    """Messages that are too old to be answered unasked, and whose authors were not asked yet."""

    thread_id: int
    place: ThreadRef
    ts: str
    """The timestamp of the newest."""
    people: tuple[str, ...]
    """Their authors."""


def known_conversations(active: Iterable[ActiveThread]) -> list[Conversation]:
    """Return the conversations of these threads, each once, in their order."""
    places = (each.place for each in active)
    return [*{place.channel: Conversation(place.team, place.channel, place.kind) for place in places}.values()]


def conversations_to_read(known: Iterable[Conversation], listed: Iterable[Conversation]) -> list[Conversation]:
    """Return the conversations to read, at most MAX_CONVERSATIONS: those with recent messages to the bot first.

    Args:
        known: conversations with the bot's threads, the newest activity first.
        listed: those that the bot is in, according to the chat. Their kind takes precedence.
    """
    found = {each.channel: each for each in known}
    for each in listed:
        before = found.get(each.channel)
        found[each.channel] = Conversation(before.team, each.channel, each.kind) if before else each
    return list(found.values())[:MAX_CONVERSATIONS]


def threads_with_gaps(active: Iterable[ActiveThread], now: float) -> dict[int, ActiveThread]:
    """Return by id the threads in which something may have been missed, the newest activity first, at most
    MAX_THREADS."""
    found: dict[int, ActiveThread] = {}
    for each in active:
        if each.gap is not None and each.at > now - ACTIVE_DAYS * DAY and len(found) < MAX_THREADS:
            found.setdefault(each.thread_id, each)
    return found


def read_from(gap: Gap, now: float) -> float:
    """Return the Unix time in seconds from which a conversation has to be read because of a gap."""
    return max(0.0, gap.since - MARGIN_SECONDS, now - LOOK_BACK_DAYS * DAY)


def reread_from(known: Sequence[RecordedMessage], oldest: float, now: float) -> float:
    """Return the Unix time in seconds from which a thread has to be read to notice edits and deletions.

    Args:
        known: the recorded messages of the thread, newest first.
        oldest: when the first missed message may have been written.
        now: Unix time in seconds.
    """
    again = [float(each.ts) for number, each in enumerate(known) if number < REREAD or each.is_open]
    # The messages themselves are to be read: what is exactly as old as the bound is not.
    return min(oldest, max(min(again) - 1.0, now - LOOK_BACK_DAYS * DAY)) if again else oldest


def group_offers(held: Iterable[HeldMessages]) -> list[tuple[HeldMessages, tuple[int, ...]]]:
    """Return for each thread, or direct message, whose authors have to be asked whether to answer held messages.

    Returns:
        The thread with the newest message and all authors, and the ids of all threads that the question is about.
    """
    groups: dict[object, list[HeldMessages]] = {}
    for each in held:
        place = each.place
        groups.setdefault((place.team, place.channel) if place.kind == "im" else each.thread_id, []).append(each)
    found: list[tuple[HeldMessages, tuple[int, ...]]] = []
    for group in groups.values():
        newest = max(group, key=lambda each: (len(each.ts.partition(".")[0]), each.ts))
        people = tuple(dict.fromkeys(who for each in group for who in each.people))
        threads = tuple(sorted({each.thread_id for each in group}))
        found.append((HeldMessages(newest.thread_id, newest.place, newest.ts, people), threads))
    return found
