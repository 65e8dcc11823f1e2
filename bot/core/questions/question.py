"""One durable question to people: what they are shown, who may answer and how it was decided. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.calls import Call
from bot.core.posts import Draft
from bot.core.tools import Preview

REQUESTER = "requester"
"""In `people`: whoever's message led to the question."""
PARTICIPANTS = "participants"
"""In `people`: whoever has addressed the bot in the open turn, or is about to open one."""


class Decision(StrEnum):
    """How the questions of this package can stand. Other kinds may have answers of their own; `awaiting`, `expired`,
    `stopped` and `withdrawn` are common to all."""

    AWAITING = "awaiting"
    APPROVED = "approved"
    EDITED = "edited"
    """Somebody changed the arguments: another request has taken its place."""
    DENIED = "denied"
    EXPIRED = "expired"
    STOPPED = "stopped"
    """Somebody stopped the turn."""
    DRIFTED = "drifted"
    """What the card was based on had changed when the call was about to run: another request has taken its place."""
    IT_RAN = "it_ran"
    RUN_AGAIN = "run_again"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"
    """Slack would not show it, so nobody can be asked."""


class CallKind(StrEnum):
    """The kinds of questions about a call."""

    MAY_IT_RUN = "may_it_run"
    DID_IT_RUN = "did_it_run"


class UndoState(StrEnum):
    """Where the undo of a call stands."""

    KEPT = "kept"
    """What the call was about to change is kept; the call has not ended well yet, so nothing is offered."""
    OFFERED = "offered"
    UNDOING = "undoing"
    """Somebody pressed the button."""
    UNDONE = "undone"
    REFUSED = "refused"
    """It could not be undone; the words say why."""
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
    """A copy of a question's message in a direct message, for somebody who does not see the thread."""

    person: str
    channel: str = ""
    """The direct message; empty while it is not known."""
    message_ts: str = ""
    """Empty while it is not posted."""
    refused: bool = False
    """Slack does not show it to this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to people, as it stands."""

    id: str
    kind: str
    """Which rules it follows (`bot.core.questions.kinds`)."""
    digest: str
    """Over everything that was shown: a click counts only for the very thing that was on the screen."""
    thread_id: int
    channel: str
    """Where its message is."""
    subject: str = ""
    """What it is about: `call:7`, `turn:3`, `thread:1`, `server:notes`."""
    body: str = ""
    """What its kind keeps of it, as JSON text: the words, the choices."""
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
    """Unix time in seconds; infinite when it stays open until somebody answers."""
    reason: str = ""
    """What the person wrote with the answer; what had drifted, in words of ours."""
    votes: tuple[str, ...] = ()
    """Who has agreed so far."""
    team: str = ""
    """The workspace that its message is in, as the store found it."""
    message_ts: str = ""
    """The timestamp of its message, as the store found it; empty while it is not recorded."""
    copies: tuple[Copy, ...] = ()
    """Where else its message is, as the store found it."""
    participants: frozenset[str] = frozenset()
    """Who `participants` are, as the store found them."""

    def shown_to(self, user: str, channel: str) -> bool:
        """Whether a person can see the question in this channel: in its own, or in a direct message with a copy."""
        mine = (copy for copy in self.copies if copy.person == user and channel.startswith("D"))
        return channel == self.channel or any(copy.channel in ("", channel) for copy in mine)

    def names(self, user: str, groups: frozenset[str]) -> bool:
        """Whether a person, who is in these user groups, is among those who may answer."""
        if not user:
            return False
        requester = REQUESTER in self.people and user == self.requester
        participant = PARTICIPANTS in self.people and user in self.participants
        return requester or participant or user in self.people or not groups.isdisjoint(self.people)

    @property
    def size(self) -> int:
        """How much there is to show of it, in characters."""
        return len(self.body) + len(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Question):
    """A question about one call: whether it may run, or whether one that was cut off did."""

    call: Call
    """With the arguments that this question is about, whatever has become of them since."""
    no_self: bool = False
    """Neither the requester nor who has changed the arguments may approve."""
    grants: bool = False
    """A standing grant may be given with it."""
    privacy: str = "full"
    """How much of it the thread may see (`bot.core.policy.rules.Privacy`)."""
    preview: Preview | None = None
    note: str = ""
    """Why it is asked once more, in words of ours."""
    decision: Decision = Decision.AWAITING
    undo: Undo | None = None

    @property
    def size(self) -> int:
        """How much there is to show of it, in characters."""
        call, preview = self.call, self.preview
        shown = len(preview.diff) + len(preview.against) + len(preview.words) + len(preview.broken) if preview else 0
        return shown + len(call.arguments) + len(call.original) + len(call.result) + len(self.reason)


@dataclass(frozen=True, slots=True)
class Card:
    """One message with buttons, about one or more questions."""

    questions: Sequence[Question]
    drafts: Sequence[Draft]
    """The last is the message with the buttons; what is posted before it belongs to it. For calls of a turn, the agent
    adds it: the newest part of the turn's message."""
    copies: Sequence[tuple[str, Draft]] = ()
    """(person, message) for those who are asked by direct message."""
    notes: Sequence[Draft] = ()
    """What is posted below the message."""
    size: int = 0
    """The size of its rows, in characters, for the message that they are to be in."""
