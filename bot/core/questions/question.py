"""A durable question to people: what is shown, who may answer, and how it was decided. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.calls import Call
from bot.core.posts import Draft
from bot.core.questions.grant import Grant
from bot.core.tools import Preview

REQUESTER = "requester"
"""In `people`: the person whose message led to the question."""
PARTICIPANTS = "participants"
"""In `people`: everybody who has addressed the bot in the open turn, or in messages that will open one."""


class Decision(StrEnum):
    """The states of a question. Kinds may add answers of their own; `awaiting`, `expired`, `stopped` and `withdrawn`
    are common to all."""

    AWAITING = "awaiting"
    APPROVED = "approved"
    EDITED = "edited"
    """Somebody changed the arguments: a new request has replaced this one."""
    DENIED = "denied"
    EXPIRED = "expired"
    STOPPED = "stopped"
    """Somebody stopped the turn."""
    DRIFTED = "drifted"
    """What the card showed had changed before the call ran: a new request has replaced this one."""
    IT_RAN = "it_ran"
    RUN_AGAIN = "run_again"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"
    """Nobody can be asked, for example because Slack does not show the message."""


class CallKind(StrEnum):
    """The kinds of questions about a call."""

    MAY_IT_RUN = "may_it_run"
    DID_IT_RUN = "did_it_run"


class UndoState(StrEnum):
    """The state of the undo of a call."""

    KEPT = "kept"
    """The state before the call is saved, but nothing is offered until the call has succeeded."""
    OFFERED = "offered"
    UNDOING = "undoing"
    """Somebody pressed the button."""
    UNDONE = "undone"
    REFUSED = "refused"
    """It could not be undone; `words` say why."""
    CLOSED = "closed"
    """Nobody pressed it in time, or the call did not end well."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The undo of a call, as its card shows it."""

    state: UndoState
    until: float = 0.0
    """Unix time in seconds."""
    by: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a question's message in a direct message, for a person who does not see the thread."""

    person: str
    channel: str = ""
    """The direct message; empty while it is unknown."""
    message_ts: str = ""
    """Empty while it is not posted."""
    refused: bool = False
    """Slack does not accept it for this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The current state of a question to people."""

    id: str
    kind: str
    """The name of its rules (`bot.core.questions.kinds`)."""
    digest: str
    """Covers everything that was shown: a click counts only for exactly that."""
    thread_id: int
    channel: str
    """The channel of its message."""
    subject: str = ""
    """What it is about: `call:7`, `turn:3`, `thread:1`, `server:notes`."""
    body: str = ""
    """Data of its kind as JSON text, such as words and choices."""
    requester: str = ""
    people: tuple[str, ...] = (REQUESTER,)
    """Who may answer, as the message says: user ids, group ids, `requester`, `participants`."""
    needed: int = 1
    """How many of them have to agree."""
    decision: str = Decision.AWAITING
    decided_by: str = ""
    decided_at: float = 0.0
    """Unix time in seconds."""
    expires_at: float = 0.0
    """Unix time in seconds; infinite if it stays open until somebody answers."""
    reason: str = ""
    """What the person wrote with the answer, or what had changed since the approval."""
    votes: tuple[str, ...] = ()
    """The ids of those who have agreed so far."""
    team: str = ""
    """The workspace of its message; set by the store."""
    message_ts: str = ""
    """The timestamp of its message, set by the store; empty while it is not recorded."""
    copies: tuple[Copy, ...] = ()
    """Copies of its message; set by the store."""
    participants: frozenset[str] = frozenset()
    """The ids that `participants` means; set by the store."""

    def shown_to(self, user: str, channel: str) -> bool:
        """Return whether a person can see the question in a channel: its own, or a direct message with a copy."""
        mine = (copy for copy in self.copies if copy.person == user and channel.startswith("D"))
        return channel == self.channel or any(copy.channel in ("", channel) for copy in mine)

    def names(self, user: str, groups: frozenset[str]) -> bool:
        """Return whether a person who is in these user groups is among those who may answer."""
        if not user:
            return False
        requester = REQUESTER in self.people and user == self.requester
        participant = PARTICIPANTS in self.people and user in self.participants
        return requester or participant or user in self.people or not groups.isdisjoint(self.people)

    @property
    def size(self) -> int:
        """Roughly how many characters there are to show."""
        return len(self.body) + len(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Question):
    """A question about one call: whether it may run, or whether it ran before it was cut off."""

    call: Call
    """The call, with the arguments that this question is about."""
    no_self: bool = False
    """Whether neither the requester nor people who changed the arguments may approve."""
    grants: bool = False
    """Whether a standing grant may be given with it."""
    privacy: str = "full"
    """How much of the call the thread may see (`bot.core.policy.rules.Privacy`)."""
    preview: Preview | None = None
    note: str = ""
    """Why it is asked again."""
    decision: Decision = Decision.AWAITING
    undo: Undo | None = None
    grant: Grant | None = None
    """The grant that was given with it, or under which its call ran, as the store found it."""

    @property
    def size(self) -> int:
        """Roughly how many characters there are to show."""
        call, preview = self.call, self.preview
        shown = len(preview.diff) + len(preview.against) + len(preview.words) + len(preview.broken) if preview else 0
        return shown + len(call.arguments) + len(call.original) + len(call.result) + len(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInput(Question):
    """A question whose answer a call waits for. It allows nothing: it is no approval."""

    call: Call


@dataclass(frozen=True, slots=True)
class Card:
    """One message with buttons, about one or more questions."""

    questions: Sequence[Question]
    drafts: Sequence[Draft]
    """The message with the buttons is the last; those before it belong to it. For calls of a turn, the agent
    adds it: the newest part of the turn's message."""
    copies: Sequence[tuple[str, Draft]] = ()
    """(person, message) for each person who is asked by direct message."""
    notes: Sequence[Draft] = ()
    """Messages to post after it."""
    size: int = 0
    """The size of its rows, in characters, for the message that they are to be in."""
