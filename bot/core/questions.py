"""Requests to people about calls: what they are shown, what they decide, what follows. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.calls import Call
from bot.core.posts import Draft
from bot.core.tools import Preview


class Decision(StrEnum):
    """The state of a request to a person; all but `awaiting` are final, but that what was approved may have drifted."""

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


class Question(StrEnum):
    """What a person is asked about a call."""

    MAY_IT_RUN = "may_it_run"
    DID_IT_RUN = "did_it_run"


ANSWERS: dict[Question, tuple[Decision, ...]] = {
    Question.MAY_IT_RUN: (Decision.APPROVED, Decision.DENIED),
    Question.DID_IT_RUN: (Decision.IT_RAN, Decision.RUN_AGAIN, Decision.SKIPPED),
}


class UndoState(StrEnum):
    """Where the taking back of a call stands."""

    KEPT = "kept"
    """What the call was about to change is kept; the call has not ended well yet, so nothing is offered."""
    OFFERED = "offered"
    UNDOING = "undoing"
    """Somebody pressed the button."""
    UNDONE = "undone"
    REFUSED = "refused"
    """It could not be taken back; the words say why."""
    CLOSED = "closed"
    """Nobody pressed it in time, or the call did not end well."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The taking back of a call, as its card shows it."""

    state: UndoState
    until: float = 0.0
    """Unix time in seconds."""
    by: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A request to people about one call."""

    id: str
    question: Question
    digest: str
    """Over server, tool, canonical arguments, the tool's definition and the basis: what is shown is what runs."""
    requester: str
    call: Call
    """With the arguments that this request is about, whatever has become of them since."""
    thread_id: int
    channel: str
    """Where its card is."""
    people: tuple[str, ...] = ("requester",)
    """Who may decide, as the card says: user ids, group ids, `requester`."""
    needed: int = 1
    """How many of them have to approve."""
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
    decided_by: str = ""
    decided_at: float = 0.0
    """Unix time in seconds."""
    expires_at: float = 0.0
    reason: str = ""
    """Why it was denied, as the person wrote it; what had drifted, in words of ours."""
    votes: tuple[str, ...] = ()
    """Who has approved so far."""
    undo: Undo | None = None

    @property
    def size(self) -> int:
        """How much there is to show of it, in characters."""
        call, preview = self.call, self.preview
        shown = len(preview.diff) + len(preview.words) + len(preview.broken) if preview else 0
        return shown + len(call.arguments) + len(call.original) + len(call.result) + len(self.reason)


@dataclass(frozen=True, slots=True)
class Card:
    """One message with buttons, about one or more requests."""

    approvals: Sequence[Approval]
    drafts: Sequence[Draft]
    """The last is the message with the buttons; what is posted before it belongs to it."""


@dataclass(frozen=True, slots=True)
class Click:
    """A decision that somebody made on a card or in a window that was opened from it."""

    approval: str
    digest: str
    decision: Decision
    user: str
    team: str
    channel: str
    message_ts: str
    entitled: bool | None
    """They may decide this: checked against the configuration and Slack just now; None when Slack did not tell."""
    needed: int = 1
    """How many approvals the configuration asks for now."""
    lapsed: frozenset[str] = frozenset()
    """Who has approved before and may no longer: their votes do not count."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """A click on the button of a parked thread."""

    parked: str
    """The key of the message with the button."""
    user: str
    team: str
    channel: str
    message_ts: str


class Verdict(StrEnum):
    """What became of a click."""

    SETTLED = "settled"
    COUNTED = "counted"
    """It is one of the approvals that are needed; more are."""
    NOT_YOURS = "not_yours"
    NOT_TOLD = "not_told"
    """Slack did not tell who they are, so they may not."""
    ALREADY = "already"
    UNKNOWN = "unknown"
    """No such request, or not on this card, in this channel, of this workspace, or not what was shown."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The verdict on a click, with what the person is to be told."""

    verdict: Verdict
    thread_id: int = 0
    approval: Approval | None = None
    """As it stands after the click; None when the verdict is `unknown`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A standing permission to run a tool without asking: pinned to the tool's definition, ended by time or by hand."""

    id: int
    user: str
    """Who gave it; it covers only calls that this person could approve alone."""
    thread_id: int
    """The thread that it is for; 0 for every call that this person's messages lead to."""
    place: str
    """The channel of that thread."""
    tool: str
    """The name under which the model calls it."""
    server: str
    remote_name: str
    tool_digest: str
    scope: str
    """`any`, `folder` or `same`: which arguments it covers."""
    value: str
    """The folder, or the canonical arguments."""
    created_at: float
    expires_at: float
    """Unix time in seconds."""
    ended: str = ""
    """`revoked`, `void` (the tool's definition changed) or `expired`; empty while it holds."""
