"""Edits and deletions of messages after they were delivered, and what follows from them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.core.inbox import Admission, Incoming
from bot.core.thread_ref import ThreadRef

EDIT_SECONDS = 600.0
"""A mention that an edit adds counts if the edit was made within this many seconds of the message."""
KEPT_SECONDS = 7 * 86_400.0
"""How long changes of messages that were not delivered yet are kept. Slack repeats events for a day at most."""
EDITED, DELETED = "edited", "deleted"
"""What an unread report says about a message that is in the log (`bot.core.inbox.Unread.change`)."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """An edit or a deletion of a message."""

    place: ThreadRef
    ts: str
    """The timestamp of the message."""
    at: str
    """The timestamp of the change."""
    now: Incoming | None
    """The new content; None if the message was deleted."""
    was_addressed: bool = True
    """Whether the message was addressed to the bot before the change; True if that is unknown."""
    may_ask: bool = True
    """Whether the author may address the bot; True if that is unknown."""
    is_own: bool = False
    """Whether the message is by our own app. It then matters only if it was recorded as context."""
    ends_thread: bool = False
    """Whether the first message of the thread is gone, so that nothing can be posted there any more."""

    @property
    def in_time(self) -> bool:
        """Whether a mention that the edit adds counts."""
        return float(self.at) - float(self.ts) <= EDIT_SECONDS

    @property
    def concerns_us(self) -> bool:
        """Whether the change may matter although neither the message nor the thread is known."""
        return self.may_ask and not self.is_own and (self.now is None or self.was_addressed or self.now.addressed)


class AmendmentOutcome(StrEnum):
    """What followed from a change."""

    IGNORED = "ignored"
    """Nothing: the change was known, is out of date, or does not concern the bot."""
    REMEMBERED = "remembered"
    """The message was not delivered yet. If it is, its new content is recorded."""
    UPDATED = "updated"
    """The message was unread, and has its new content."""
    REMOVED = "removed"
    """The message was unread, and is never read."""
    REPORTED = "reported"
    """The message was read: the change is reported to the model with the next messages."""
    STARTS = "starts"
    """The changed message is addressed to the bot: wake the thread."""
    STOPPED = "stopped"
    """The open turn had no other request, so it was stopped; or a failed turn can no longer be retried: wake the
    thread."""
    TAKEN_BACK = "taken_back"
    """Something that the bot had offered to answer or to do was taken back, so the offer was changed or closed. It may
    be in another thread: wake every thread that has something to do."""
    CLOSED = "closed"
    """The thread is gone, and everything open in it was closed: wake the thread."""


ADMITTED = {
    Admission.STARTS: AmendmentOutcome.STARTS,
    Admission.CONTEXT: AmendmentOutcome.UPDATED,
    Admission.DUPLICATE: AmendmentOutcome.IGNORED,
    Admission.IGNORED: AmendmentOutcome.IGNORED,
}
"""What follows from an edit whose message was admitted with its new content."""
WAKING = (AmendmentOutcome.STARTS, AmendmentOutcome.STOPPED, AmendmentOutcome.CLOSED)


def is_request_after_edit(change: Amendment, said: Incoming, *, counted: bool, follows: bool) -> bool:
    """Return whether an unread message is addressed to the bot after an edit.

    Args:
        change: the edit.
        said: the new content.
        counted: whether the message was addressed to the bot before.
        follows: whether its author has addressed the bot in another message of the thread.
    """
    if said.addressed:
        return counted or change.in_time
    return follows and not said.to_others


def edit_adds_request(change: Amendment, said: Incoming, *, counted: bool, reported: bool) -> bool:
    """Return whether the report of an edit is a request: the edit adds the first mention to a message that was read.

    Args:
        change: the edit.
        said: the new content.
        counted: whether the message, or an earlier edit of it, was a request.
        reported: whether the report of an earlier edit is unread and a request.
    """
    return said.addressed and (reported or (not counted and change.in_time))
