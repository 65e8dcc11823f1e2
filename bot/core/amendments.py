"""What becomes of a message that somebody edits or deletes after it was delivered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.core.inbox import Admission, Incoming
from bot.core.thread_ref import ThreadRef

EDIT_SECONDS = 600.0
"""A mention that an edit adds counts if the edit was made within so many seconds of the message."""
KEPT_SECONDS = 7 * 86_400.0
"""How long changes of messages that have not been delivered are remembered. Slack repeats events for a day at most."""
EDITED, DELETED = "edited", "deleted"
"""What an unread report says of a message that is in the log (`bot.core.inbox.Unread.change`)."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A message was edited or deleted."""

    place: ThreadRef
    ts: str
    """The timestamp of the message."""
    at: str
    """The timestamp of the change."""
    now: Incoming | None
    """What the message says now; None if it was deleted."""
    was_addressed: bool = True
    """Whether it was addressed to the bot before the change, as far as is known."""
    may_ask: bool = True
    """Whether its author may address the bot, as far as is known."""
    is_own: bool = False
    """The message is by our own app: it concerns the bot only if it was recorded as context."""
    ends_thread: bool = False
    """The first message of the thread is gone, and nothing can be posted there any more."""

    @property
    def in_time(self) -> bool:
        """Whether a mention that it adds counts."""
        return float(self.at) - float(self.ts) <= EDIT_SECONDS

    @property
    def concerns_us(self) -> bool:
        """Whether it may matter although the message itself is not known, in a thread that is not known either."""
        return self.may_ask and not self.is_own and (self.now is None or self.was_addressed or self.now.addressed)


class Amended(StrEnum):
    """What followed from a change."""

    IGNORED = "ignored"
    """Nothing: it was known, it is out of date, or it does not concern the bot."""
    REMEMBERED = "remembered"
    """The message itself has not been delivered yet. If it is, it counts as it is now."""
    UPDATED = "updated"
    """The message was unread and is read as it is now."""
    REMOVED = "removed"
    """The message was unread and is never read."""
    REPORTED = "reported"
    """The message was read: the change is reported to the model with the next messages."""
    STARTS = "starts"
    """The message is addressed to the bot as it is now: wake the thread."""
    STOPPED = "stopped"
    """The open turn had no other request, so it is stopped: wake the thread."""
    TAKEN_BACK = "taken_back"
    """So was something that the bot had offered to answer, or to do. The offer has changed or is closed, which may be
    in another thread: wake whatever is waiting."""
    CLOSED = "closed"
    """The thread is gone, with all that was open in it: wake the thread."""


ADMITTED = {
    Admission.STARTS: Amended.STARTS,
    Admission.CONTEXT: Amended.UPDATED,
    Admission.DUPLICATE: Amended.IGNORED,
    Admission.IGNORED: Amended.IGNORED,
}
"""What follows from an edit whose message was admitted as it is now."""
WAKING = (Amended.STARTS, Amended.STOPPED, Amended.CLOSED)


def counts(change: Amendment, said: Incoming, *, counted: bool, follows: bool) -> bool:
    """Whether an unread message is addressed to the bot after an edit.

    Args:
        change: the edit.
        said: what the message says now.
        counted: whether it was addressed to the bot before.
        follows: whether it is a follow-up of somebody who has addressed the bot in another message of the thread.
    """
    if said.addressed:
        return counted or change.in_time
    return follows and not said.to_others


def newly_counts(change: Amendment, said: Incoming, *, counted: bool, reported: bool) -> bool:
    """Whether the report of an edit is a request: the edit adds the first mention to a message that was read.

    Args:
        change: the edit.
        said: what the message says now.
        counted: whether the message, or an earlier edit of it, was a request.
        reported: whether there is an unread report of an earlier edit which is a request.
    """
    return said.addressed and (reported or (not counted and change.in_time))
