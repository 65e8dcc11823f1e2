"""Times without a connection to the chat, and which conversations have to be read because of them. Pure.

The chat keeps nothing for a bot that is not connected, so what was said meanwhile is read from the conversations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core.amendments import Amendment
from bot.core.inbox import Incoming
from bot.core.thread_ref import ThreadRef

MARGIN_SECONDS = 600.0
"""So much earlier than an outage a conversation is read from: an event that was not acknowledged may have been on its
way, and Slack's last retry comes five minutes after the second (docs.slack.dev/apis/events-api, "Retries")."""
ACTIVE_DAYS = 30
"""Threads in which nothing has been said for so long are read when somebody next mentions the bot there."""
LOOK_BACK_DAYS = 7
"""Conversations are read from no earlier time, however long the outage was."""
MAX_THREADS = 300
MAX_CONVERSATIONS = 300
"""How many of each are read after an outage: those with the newest activity. Slack allows about 50 requests a minute
(docs.slack.dev/apis/web-api/rate-limits, Tier 3)."""
REREAD = 25
"""The newest messages of a thread that are compared with the chat again after an outage, with its first message, those
that are unread, and the requests of the open turn."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Gap:
    """What may have been missed somewhere."""

    since: float
    """Unix time in seconds when the first outage began that was not made up for there."""
    last: int
    """The number of the last one."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A channel or a direct message."""

    team: str
    channel: str
    kind: str
    """As in `ThreadRef`."""


@dataclass(frozen=True, slots=True)
class ActiveThread:
    """A thread of the bot's, at a message that was recorded there."""

    number: int
    """Of the message; the newest has the highest."""
    at: float
    """When it was recorded, Unix time in seconds."""
    thread_id: int
    place: ThreadRef
    gap: Gap | None
    """None if nothing can have been missed in the thread."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What was read of a conversation."""

    messages: Sequence[Incoming] = ()
    """Oldest first."""
    changes: Sequence[Amendment] = ()
    """Of messages that were recorded before."""
    last: int = 0
    """The number of the last outage that is made up for, or cannot be: nothing more is to be read. 0 if that may be
    tried again."""
    error: str = ""
    """The chat's code for why it could not be read to its end; empty if it was."""
    words: str = ""
    """What could not be read, and why, in a sentence for people."""


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A message of the chat's that is recorded in a thread, and was not deleted as far as is known."""

    ts: str
    is_open: bool
    """It is unread, or asked for something in the open turn."""


@dataclass(frozen=True, slots=True)
class HeldMessages:
    """Messages that are too old to be answered unasked, and whose authors were not asked yet."""

    thread_id: int
    place: ThreadRef
    ts: str
    """Of the newest."""
    people: tuple[str, ...]
    """Their authors."""


def known_conversations(active: Iterable[ActiveThread]) -> list[Conversation]:
    """Return the conversations of these threads, each once, in their order."""
    places = (each.place for each in active)
    return [*{place.channel: Conversation(place.team, place.channel, place.kind) for place in places}.values()]


def conversations_to_read(known: Iterable[Conversation], listed: Iterable[Conversation]) -> list[Conversation]:
    """Return the conversations to read: first those in which the bot was spoken to lately, then others, within bounds.

    Args:
        known: in the order of their activity, newest first.
        listed: those that the bot is in, as the chat says; a kind from there is more reliable.
    """
    found = {each.channel: each for each in known}
    for each in listed:
        before = found.get(each.channel)
        found[each.channel] = Conversation(before.team, each.channel, each.kind) if before else each
    return list(found.values())[:MAX_CONVERSATIONS]


def threads_with_gaps(active: Iterable[ActiveThread], now: float) -> dict[int, ActiveThread]:
    """Return by thread those in which something may have been missed, the newest activity first, within bounds."""
    found: dict[int, ActiveThread] = {}
    for each in active:
        if each.gap is not None and each.at > now - ACTIVE_DAYS * DAY and len(found) < MAX_THREADS:
            found.setdefault(each.thread_id, each)
    return found


def read_from(gap: Gap, now: float) -> float:
    """Return the time from which a conversation is read because of a gap, in Unix seconds."""
    return max(0.0, gap.since - MARGIN_SECONDS, now - LOOK_BACK_DAYS * DAY)


def reread_from(known: Sequence[RecordedMessage], oldest: float, now: float) -> float:
    """Return the time from which a thread is read to notice what was edited or deleted, in Unix seconds.

    Args:
        known: what is recorded of the thread, newest first.
        oldest: when the first message may have been written that was missed.
        now: Unix time in seconds.
    """
    again = [float(each.ts) for number, each in enumerate(known) if number < REREAD or each.is_open]
    # The messages themselves are to be read: what is exactly as old as the bound is not.
    return min(oldest, max(min(again) - 1.0, now - LOOK_BACK_DAYS * DAY)) if again else oldest


def group_offers(held: Iterable[HeldMessages]) -> list[tuple[HeldMessages, tuple[int, ...]]]:
    """Return whom to ask whether to answer still: for each thread, or direct message, once.

    Out: where the newest message is, with all of their authors, and the threads that the question is about.
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
