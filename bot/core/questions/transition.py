"""What follows from an answer, as data. The store writes all of it in one transaction. Pure data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.calls import CallOutcome, CallState
from bot.core.questions.click import Verdict
from bot.core.questions.grant import Grant


@dataclass(frozen=True, slots=True)
class Record:
    """An audit record."""

    kind: str
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    actor: str = ""
    """The id of the person who did it; empty for the program itself."""
    arguments: str | None = None
    """JSON text that is recorded as the fact `arguments`, after redaction."""
    unless_redacted: Mapping[str, object] = field(default_factory=dict[str, object])
    """Facts taken from the call's arguments. They are left out if any of the arguments is redacted."""
    of_thread: bool = False
    """Whether it is about the thread rather than the question."""


@dataclass(frozen=True, slots=True)
class CallStep:
    """A change of the question's call. It is written only while the call still waits for people."""

    state: CallState
    outcome: CallOutcome | None = None
    result: str | None = None
    """The result for the model; None leaves it unchanged."""
    arguments: str = ""
    """New arguments; empty leaves them unchanged."""
    editors: tuple[str, ...] = ()
    """The ids of all who have changed the arguments, including this person."""
    exchange: str | None = None
    """What its server has asked for, with what was answered; None leaves it unchanged."""


@dataclass(frozen=True, slots=True)
class GivenGrant:
    """A grant to keep. Its number is added to the record."""

    grant: Grant
    record: Record


@dataclass(frozen=True, slots=True)
class Said:
    """An unread message of the person whose request waits for a decision."""

    id: int
    """In the inbox."""
    version: str
    """Of its last edit; empty if there was none."""
    words: str
    """For people."""
    quoted: str
    """As the model reads it."""
    strong: tuple[str, ...] = ()
    """What stands out among the words, in order: names in a sentence of ours."""


@dataclass(frozen=True, slots=True)
class Instead:
    """All open requests of a thread are denied, since their requester wants something else."""

    said: Sequence[Said]
    """What they want. The model reads it as the reason, so it is not read again as a message."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The verdict on a click, and everything that changes with it."""

    verdict: Verdict
    decision: str = ""
    """The new decision; empty leaves it unchanged."""
    by: str = ""
    """The id of the person who decided; empty if it expired or was withdrawn."""
    reason: str = ""
    vote: str = ""
    """The id of a person who now agrees."""
    lapsed: frozenset[str] = frozenset()
    """The ids of people whose votes are removed."""
    needed: int = 0
    """How many have to agree from now on; 0 leaves it unchanged."""
    call: CallStep | None = None
    told: tuple[int, str] | None = None
    """(call, `Call.exchange`): the answer for a server that asks over an open connection, while the call runs."""
    stops_turn: str = ""
    """The id of the person who stops the turn: its open questions are closed, and calls that have not begun do not
    run."""
    instead: Instead | None = None
    grant: GivenGrant | None = None
    revokes: int = 0
    """The id of a grant that ends."""
    undo_by: str = ""
    """The id of the person who has the call undone."""
    resumes: bool = False
    """Whether a parked thread goes on, since a person has acted."""
    reopens: int = 0
    """The failed turn that goes on: the last one of its thread."""
    allows: float | None = None
    """US dollars that may be spent from now on beyond what was spent of the question's budget; 0 refuses more; None
    decides nothing about it."""
    requests: Sequence[int] = ()
    """Ids of threads in which the answer counts as a message from the person to the bot."""
    words: str = ""
    """The text of that message."""
    at: str = ""
    """Its time, as a timestamp of Slack's; empty if Slack did not say."""
    waiting: CallStep | None = None
    """What becomes of the calls that wait for the answer without being its subject."""
    note: str = ""
    """A note for the model at its next turn."""
    records: tuple[Record, ...] = ()
    redraw: bool = False
    """Whether the message of the question has to be rendered again."""
