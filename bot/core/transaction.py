"""The changes of a thread that are written in one transaction. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.core.calls import Call
from bot.core.compaction import Compaction, Measure
from bot.core.model_options import AskedModel
from bot.core.posts import Draft
from bot.core.questions.follow_up import FollowUp
from bot.core.questions.question import Card
from bot.core.tools import UndoSnapshot

if TYPE_CHECKING:  # it needs `Usage`
    from bot.core.budget import RequestCost
    from bot.core.budget_wait import BudgetWait
    from bot.core.sign_in_wait import SignInWait


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request cost: tokens, and US dollars as the provider reports them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0
    reported: bool = field(default=False, compare=False)
    """Whether the provider has reported the cost, which may be 0."""

    def __add__(self, other: Usage) -> Usage:
        """Return the sum."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cost + other.cost,
            self.reported or other.reported,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Somebody has written a message while questions of the model waited for their answer."""

    user: str
    message: int
    """The newest message's id in the inbox: it answers those questions that were asked before it came."""
    calls: Sequence[int]
    """The ids of the calls that wait."""


@dataclass(slots=True)
class Change:
    """One transaction on a thread: all of it is on the disk, or none."""

    name: str
    """What happens, in a few words; names the commit in failpoints and logs."""
    requester: str = ""
    """Opens a turn of this person."""
    messages: Sequence[tuple[str, str]] = ()
    """(role, JSON text) pairs to append to the log."""
    read: Sequence[tuple[int, int]] = ()
    """(index into messages, inbox id) of the unread messages that are now in the log."""
    notified: Sequence[int] = ()
    """Inbox ids of unread messages that are read once the open request is decided: what follows meanwhile is done."""
    follow_up: FollowUp | None = None
    """What the requester has written while requests wait: people are asked, once a step, whether to do that instead."""
    speakers: frozenset[str] = frozenset()
    """Who has written those of them that are addressed to the bot: what was held of theirs needs no question."""
    new_calls: Sequence[Call] = ()
    calls: Sequence[Call] = ()
    """Calls whose state changed."""
    cards: Sequence[Card] = ()
    """Requests to people."""
    written: Written | None = None
    """What answers the model's own questions."""
    withdrawn: Sequence[tuple[str, str]] = ()
    """(question, why) of open questions to which an answer would come too late."""
    drifted: Sequence[tuple[str, str]] = ()
    """(approved request, what has changed) of calls that were not run because their card is no longer true."""
    befores: Sequence[tuple[Call, UndoSnapshot]] = ()
    """What calls that are about to run will change."""
    afters: Sequence[tuple[Call, str, float]] = ()
    """(call, digest of what it has left, until when it may be taken back) of calls that ran well."""
    drafts: Sequence[Draft] = ()
    """Messages to post. A key that is already there is not recorded again."""
    functions: tuple[str, str] = ("", "")
    """Digest and JSON text of the tool list that the request offered."""
    usage: Usage = field(default_factory=Usage)
    asked: AskedModel | None = None
    """The model that the request was made to."""
    measured: Measure | None = None
    """How large the request was whose reply this records; None if that is not known."""
    compaction: Compaction | None = None
    """What the model reads from now on in place of an older part of the log."""
    outcome: str = ""
    """Ends the turn: `answered`, `failed`."""
    gets_on: bool = True
    """Its messages bring the turn on; false of those that others have said to one another."""
    unless_stopped: bool = False
    """Only its usage is written if somebody has stopped the turn."""
    costs: Sequence[RequestCost] = ()
    """The requests to the model that it records, for the ledger of costs. Without them, `usage` counts as one."""
    request: str = ""
    """Which of them was answered by the reply that has the new calls; empty if that is not known."""
    direct: Sequence[tuple[str, Draft]] = ()
    """(person, message) of direct messages to people."""
    unavailable: Sequence[tuple[str, Draft]] = ()
    """(key, notice) of tool servers that the thread needs and that do not run. It waits for each of them from now on,
    and the notice is posted unless it does already."""
    wait: BudgetWait | None = None
    """The turn waits until operators allow more."""
    sign_in: SignInWait | None = None
    """A call waits until a person has signed in."""
    synced: bool = True
    """It must outlive a power cut. What would only be done again, and does no harm twice, need not."""


@dataclass(frozen=True, slots=True)
class UndoJob:
    """A call that somebody wants taken back."""

    call: Call
    before: UndoSnapshot
    after: str
    begun: bool
    """It was tried before, and may have been done."""
