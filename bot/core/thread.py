"""What is known of one Slack thread: its log, its open turn, that turn's calls, and what has not been read yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread is in Slack."""

    team: str
    channel: str
    thread_ts: str
    kind: str
    """`channel`, `group`, `mpim` or `im`, as Slack's events call it."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of a person, as Slack delivered it."""

    place: Place
    event_id: str
    user: str
    ts: str
    text: str
    """Slack's own markup, unchanged."""
    files: Sequence[str]
    """The names of attached files."""
    addressed: bool
    """It mentions the bot or is a direct message. A follow-up of somebody who has addressed the bot in this thread
    counts as addressed too; only the store knows who has."""
    earlier: bool = False
    """It was said before the first word to the bot, so it is context, whoever said it."""


class Admission(StrEnum):
    """What became of a delivery."""

    STARTS = "starts"
    """It is for the bot: the thread is to be woken."""
    OVERHEARD = "overheard"
    """It was said in a thread of the bot's, to others: context for the next turn."""
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    """It has nothing to do with the bot."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that has been committed and is not yet in the log."""

    id: int
    user: str
    ts: str
    text: str
    files: Sequence[str]
    addressed: bool


class CallState(StrEnum):
    """Where a tool call stands. `finished` is the only one that has a result."""

    READY = "ready"
    """Allowed by the policy or approved by a person; not handed to the server yet."""
    AWAITING = "awaiting"
    """A person has to decide."""
    STARTED = "started"
    """Committed before the server got it. Found at a load, nobody knows whether it ran."""
    UNKNOWN = "unknown"
    """It may or may not have run; a person has to say."""
    FINISHED = "finished"


class CallOutcome(StrEnum):
    """How a finished call ended."""

    OK = "ok"
    ERROR = "error"
    INVALID = "invalid"
    """An unknown tool or arguments that do not fit; nobody was asked, nothing ran."""
    REFUSED = "refused"
    """The policy denies the tool, or a limit was reached; nothing ran."""
    DENIED = "denied"
    EXPIRED = "expired"
    ASSUMED = "assumed"
    """A person said that an interrupted call ran; its output is not known."""
    SKIPPED = "skipped"
    """A person said to go on without an interrupted call."""
    UNSHOWN = "unshown"
    """Slack would not show the request, so nobody was asked; nothing ran."""
    UNRESOLVED = "unresolved"
    """Nobody said in time whether an interrupted call ran."""


@dataclass(slots=True)
class Call:
    """One tool call of the model, and its state."""

    id: int
    """The store's number; 0 until it is recorded."""
    seq: int
    """The place in the log of the assistant message that made it."""
    position: int
    call_id: str
    """The model's own id, which the tool message must carry."""
    tool: str
    """The name under which the model called it."""
    server: str
    remote_name: str
    arguments: str
    """Canonical JSON of exactly what is shown, approved and run."""
    tool_digest: str
    repeatable: bool
    """Our policy says that running it twice does no harm."""
    state: CallState
    outcome: CallOutcome | None = None
    result: str = ""
    seconds: float = 0.0
    attempts: int = 0
    summarised: bool = False


@dataclass(slots=True)
class Turn:
    """From the message that starts it to the answer that ends it."""

    id: int
    requester: str
    steps: int = 0
    """Requests to the model that were answered."""
    seconds: float = 0.0
    """Time spent in the model and in tools; waiting for a person does not count."""
    nudged: bool = False
    """An empty answer was asked again."""
    closing: str = ""
    """Why the turn has to end now, when a limit was reached."""


@dataclass(slots=True)
class ThreadState:
    """A thread as `advance` works on it; kept in step with the store at each commit."""

    id: int
    place: Place
    messages: list[str]
    """The log: JSON texts in OpenAI roles. Only ever appended to."""
    last_role: str
    turn: Turn | None
    calls: list[Call] = field(default_factory=list[Call])
    """The calls of the open turn, in the order of the log."""
    unread: list[Unread] = field(default_factory=list[Unread])
    functions: str = ""
    """The digest of the tool list that the last request offered."""

    @property
    def step(self) -> list[Call]:
        """The calls of the last assistant message that are not answered in the log yet."""
        if self.last_role != "assistant":
            return []
        last = len(self.messages) - 1
        return [call for call in self.calls if call.seq == last]


@dataclass(frozen=True, slots=True)
class Draft:
    """One Slack message to be posted, rendered."""

    key: str
    """Unique; carried in the message's metadata so that a post of unknown outcome can be found again."""
    kind: str
    """`answer`, `summary`, `card`, `notice`, `progress`, `file`."""
    payload: str
    """JSON for the surface that renders and posts it."""


class Decision(StrEnum):
    """The state of a request to a person; all but `awaiting` are final."""

    AWAITING = "awaiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
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


@dataclass(frozen=True, slots=True)
class Approval:
    """A request to a person about one call."""

    id: str
    question: Question
    digest: str
    """Over server, tool, canonical arguments and the tool's definition: what is shown is what runs."""
    requester: str
    call: Call
    channel: str
    """Where its card is."""
    decision: Decision = Decision.AWAITING
    decided_by: str = ""
    decided_at: float = 0.0
    """Unix time in seconds."""
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Click:
    """A button that somebody pressed on a card."""

    approval: str
    digest: str
    decision: Decision
    user: str
    team: str
    channel: str
    message_ts: str


class Verdict(StrEnum):
    """What became of a click."""

    SETTLED = "settled"
    NOT_YOURS = "not_yours"
    ALREADY = "already"
    UNKNOWN = "unknown"
    """No such request, or not on this card, in this channel, of this workspace, or not what was shown."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The verdict on a click, with what the person is to be told."""

    verdict: Verdict
    thread_id: int = 0
    requester: str = ""
    decision: Decision = Decision.AWAITING
    decided_by: str = ""
