"""A tool call of a turn: what the model asked for, where it stands, and how it ended. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum


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
    """The position in the log of the assistant message that made it."""
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
    """How much harm the tool may do (`bot.core.policy.rules.Tier`)."""
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
    """What that request's card was based on (`bot.core.tools.Preview.basis`)."""

    def start(self) -> None:
        """It is about to be handed to its server; from the next commit on it may have run."""
        self.state = CallState.STARTED
        self.attempts += 1

    def become(self, other: Call) -> None:
        """Stand as the other does: the same call, read again."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))
