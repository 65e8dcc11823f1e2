"""What is known of one Slack thread: its log, its open turn, that turn's calls, and what has not been read yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum

from bot.core.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread is in Slack."""

    team: str
    channel: str
    thread_ts: str
    kind: str
    """`channel`, `group`, `mpim` or `im`, as Slack's events call it; but for `im` and `mpim` a guess from the id where
    the event did not say."""


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
    told: bool = False
    """Its sender knows that it will be read once the open request is decided."""


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
    SURPLUS = "surplus"
    """It was beyond those that are run in one step; nothing ran."""
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
    STOPPED = "stopped"
    """A person stopped the turn before it ran."""


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
    """What the model reads; of a denied call the reason that the person gave."""
    seconds: float = 0.0
    attempts: int = 0
    summarised: bool = False
    tier: str = ""
    """How much harm the tool may do (`bot.core.policy.Tier`)."""
    why: str = ""
    """What lets it run without a question, in words: a rule, a grant."""
    original: str = ""
    """The arguments as the model wrote them, when a person has changed them since."""
    editors: tuple[str, ...] = ()
    """Who has changed them."""
    asked: bool = False
    """A request about it is open, as the store found it."""
    approval: str = ""
    """The request that allows it to run, as the store found it."""
    approved_digest: str = ""
    """The digest of what that request showed."""
    basis: str = ""
    """What that request's card was based on (`bot.core.calls.Preview.basis`)."""

    def start(self) -> None:
        """It is about to be handed to its server; from the next commit on it may have run."""
        self.state = CallState.STARTED
        self.attempts += 1

    def become(self, other: Call) -> None:
        """Stand as the other does: the same call, read again."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))


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
    attempts: int = 0
    """Requests to the model that were begun since something last came of one; on the disk before they are sent."""
    announced: bool = False
    """The last of these is on the disk and was not sent yet: a commit that leads to a request counts it with it."""
    stopped_by: str = ""
    """Who has stopped it; the store finds out at each commit."""
    others: tuple[str, ...] = ()
    """Who besides the requester has addressed the bot in the course of it: they have had a say in what it does."""


@dataclass(slots=True)
class ThreadState:
    """A thread as `advance` works on it; kept in step with the store at each commit."""

    id: int
    place: Place
    length: int
    """How many messages its log has. The next one gets this place."""
    last_role: str
    turn: Turn | None
    calls: list[Call] = field(default_factory=list[Call])
    """The calls of the open turn, in the order of the log."""
    unread: list[Unread] = field(default_factory=list[Unread])
    functions: str = ""
    """The digest of the tool list that the last request offered."""
    transcript: Transcript | None = None
    """The log itself, once a request to the model has needed it: `bot.core.ports.Store.transcript`."""
    parked: bool = False
    """It has failed too often in a row: only a person takes it up again."""

    @property
    def step(self) -> list[Call]:
        """The calls of the last assistant message that are not answered in the log yet."""
        if self.last_role != "assistant":
            return []
        return [call for call in self.calls if call.seq == self.length - 1]


@dataclass(frozen=True, slots=True)
class Draft:
    """One Slack message to be posted, rendered."""

    key: str
    """Unique; carried in the message's metadata so that a post of unknown outcome can be found again."""
    kind: str
    """`answer`, `summary`, `card`, `notice`, `parked`, `progress`, `file`."""
    payload: str
    """JSON for the surface that renders and posts it."""
