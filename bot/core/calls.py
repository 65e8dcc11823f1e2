"""A tool call of a turn: what the model requested, its state, and its outcome. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum

WOULD_FAIL = "as things are now this would fail: "
"""Begins the result of a call about which nobody was asked, because it could not succeed; the reason follows."""

OWN_SERVER = "@"
"""The `server` of the bot's own tools. No key in a configuration is so."""

UNANSWERED = "Not answered: "
"""Begins the result of a call whose question to a person was not answered; the reason follows."""

INSTEAD = "Instead: "
"""Begins the reason of a denial by somebody who has written what to do instead; that follows."""


class CallState(StrEnum):
    """The state of a tool call. Only a `finished` call has a result."""

    READY = "ready"
    """Allowed by the policy or approved by a person; not yet sent to the server."""
    AWAITING = "awaiting"
    """A person has to decide."""
    STARTED = "started"
    """Committed before the call is sent. After a restart it is unknown whether such a call ran."""
    UNKNOWN = "unknown"
    """It may or may not have run; a person has to decide how to proceed."""
    FINISHED = "finished"


class CallOutcome(StrEnum):
    """How a finished call ended."""

    OK = "ok"
    ERROR = "error"
    INVALID = "invalid"
    """An unknown tool or invalid arguments; nobody was asked, nothing ran."""
    REFUSED = "refused"
    """The policy denies the tool, or a limit was reached; nothing ran."""
    SURPLUS = "surplus"
    """It exceeded the number of calls that run in one step; nothing ran."""
    DENIED = "denied"
    EXPIRED = "expired"
    ASSUMED = "assumed"
    """A person confirmed that an interrupted call ran; its output is not known."""
    SKIPPED = "skipped"
    """A person chose to go on without an interrupted call."""
    UNSHOWN = "unshown"
    """Slack refused to show the request, so nobody was asked; nothing ran."""
    UNRESOLVED = "unresolved"
    """Nobody answered in time whether an interrupted call ran."""
    STOPPED = "stopped"
    """A person stopped the turn before it ran."""


@dataclass(slots=True)
class Call:
    """One tool call of the model, and its state."""

    id: int
    """The store's id; 0 until it is recorded."""
    seq: int
    """The position in the log of the assistant message that contains it."""
    position: int
    call_id: str
    """The model's own id, which the tool message must carry."""
    tool: str
    """The tool's name as the model wrote it."""
    server: str
    remote_name: str
    arguments: str
    """Canonical JSON of exactly what is shown, approved and run."""
    tool_digest: str
    repeatable: bool
    """The policy considers it safe to run twice."""
    state: CallState
    outcome: CallOutcome | None = None
    result: str = ""
    """The result for the model; for a denied call, the reason that the person gave."""
    seconds: float = 0.0
    attempts: int = 0
    summarised: bool = False
    tier: str = ""
    """How much harm the tool may do (`bot.core.policy.rules.Tier`)."""
    why: str = ""
    """What allows it to run without approval, in words: a rule or a grant."""
    original: str = ""
    """The arguments as the model wrote them, if a person has changed them since."""
    editors: tuple[str, ...] = ()
    """The people who have changed the arguments."""
    attached: str = ""
    """References to the files in its result (`bot.core.attachments.packed`)."""
    exchange: str = ""
    """What its server has asked for before it can go on, and what was answered so far (`bot.core.exchange`); empty if
    nothing was asked."""
    task: str = ""
    """The task that its server works on (`bot.core.server_tasks.ServerTask.dumps`); empty if it made none of it."""
    rest: str = ""
    """Where its whole result is kept, if the model has not got all of it (`bot.core.long_results.Kept.dumps`)."""
    asked: bool = False
    """A request about it is open. Set by the store at a load."""
    approval: str = ""
    """The id of the request that allows it to run. Set by the store at a load."""
    approved_digest: str = ""
    """The digest of what that request showed."""
    basis: str = ""
    """The state on which that request was based (`bot.core.tools.Preview.basis`)."""
    identity: tuple[str, str] = field(default=("", ""), compare=False, repr=False)
    """Arguments, and what makes a call with them the same as another one; kept by `bot.agent.loop_detection`."""

    @property
    def may_change(self) -> bool:
        """Whether it may change something, so that its place among the calls of its step matters. A call that is safe
        to repeat may still do so."""
        return bool(self.server) and not (self.repeatable and self.tier in ("", "read"))

    @property
    def wants_input(self) -> bool:
        """Whether it waits for an answer that is no approval: what its server has asked for, or the bot's own tool."""
        return self.state is CallState.AWAITING and (bool(self.exchange) or self.server == OWN_SERVER)

    @property
    def is_task(self) -> bool:
        """Whether its server works on it and can be asked about it, also by another process."""
        return self.state is CallState.STARTED and bool(self.task)

    def start(self) -> None:
        """Mark the call as started, before it is sent: from the next commit on it may have run."""
        self.state, self.task = CallState.STARTED, ""
        self.attempts += 1

    def refresh(self, other: Call) -> None:
        """Copy all fields from another instance of the same call that was loaded later."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))
