"""What follows from an answer, as data: the store writes all of it in one transaction, or none. Pure data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.calls import CallOutcome, CallState
from bot.core.questions.click import Verdict
from bot.core.questions.grant import Grant


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the audit."""

    kind: str
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    actor: str = ""
    """Who did it; empty: the program itself."""
    arguments: str | None = None
    """JSON text that is recorded as the fact `arguments`, redacted."""
    unless_redacted: Mapping[str, object] = field(default_factory=dict[str, object])
    """Facts that are taken from the call's arguments, so they are left out when anything of those is."""
    of_thread: bool = False
    """It is about the thread, not about the question."""


@dataclass(frozen=True, slots=True)
class CallStep:
    """Where the call of a question goes. It is written only while the call still waits for people."""

    state: CallState
    outcome: CallOutcome | None = None
    result: str | None = None
    """What the model reads; None leaves it as it is."""
    arguments: str = ""
    """New arguments; empty leaves them as they are."""
    editors: tuple[str, ...] = ()
    """Who has changed them so far, with this person."""


@dataclass(frozen=True, slots=True)
class GivenGrant:
    """A grant to keep; its number is added to the record."""

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
    """How the question stands from now on; empty: as before."""
    by: str = ""
    """Who decided it; empty: nobody, its time was over, or the program withdrew it."""
    reason: str = ""
    vote: str = ""
    """Who agrees from now on."""
    lapsed: frozenset[str] = frozenset()
    """Whose votes are taken out."""
    needed: int = 0
    """How many have to agree from now on; 0: as many as before."""
    call: CallStep | None = None
    stops_turn: str = ""
    """Who stops the turn: every open question of the thread is closed, and what has not begun does not begin."""
    instead: Instead | None = None
    grant: GivenGrant | None = None
    undo_by: str = ""
    """Who has the call of the question undone."""
    resumes: bool = False
    """A person has acted: if the thread is parked, it goes on."""
    requests: Sequence[int] = ()
    """Threads in which the answer counts as a message of the person, addressed to the bot."""
    words: str = ""
    """That message."""
    note: str = ""
    """What the model reads at its next turn, in words of ours."""
    records: tuple[Record, ...] = ()
    redraw: bool = False
    """The message of the question has to be drawn again."""
