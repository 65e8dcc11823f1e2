"""What stands in for the older part of a log in requests to the model. Pure data.

The log itself is never changed. A request consists of the messages that the newest compaction keeps (`pinned`), its own
message, and the log after the last position that it covers (`upto`), in which old tool results may be shortened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CompactionKind(StrEnum):
    """The ways to shorten what the model reads of a thread."""

    TRIM = "trim"
    """Old tool results are shortened, and nothing is left out."""
    SUMMARY = "summary"
    """A model has summarised the older part."""
    EXCERPTS = "excerpts"
    """No summary could be made: the beginnings of the newest messages of that part stand in for it."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """One durable step of shortening what the model reads of a thread."""

    kind: CompactionKind
    upto: int
    """The last position of the log that it covers."""
    body: str = ""
    """The message, as JSON text, that stands in for everything up to there; empty for a trim, which replaces
    nothing."""
    pinned: tuple[int, ...] = ()
    """Positions up to `upto` of messages that are kept as they are, before `body`."""
    shortened: Mapping[int, str] = field(default_factory=dict[int, str])
    """By position, messages as JSON text that are sent in a shorter form from now on."""
    summary: str = ""
    """The text in `body` that describes the older part, for the next summary to build on."""
    decisions: tuple[str, ...] = ()
    """The lines in `body` about what people have decided."""
    model: str = ""
    """The model that has written the summary."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How much of the model's context the last request and its reply have taken, as the provider reports it."""

    tokens: int = 0
    """0 if that is not known."""
    upto: int = -1
    """The position of the log up to which the tokens are counted."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of a person, or its absence, about one tool call."""

    tool: str
    arguments: str
    """As they were run, as JSON text."""
    decision: str
    """`bot.core.questions.question.Decision`."""
    by: str = ""
    """The person's id; empty if nobody decided."""
    reason: str = ""
    """What they wrote with it."""
    edited: bool = False
    """Whether a person has changed the arguments."""


@dataclass(frozen=True, slots=True)
class CompactionBasis:
    """What the next compaction of a thread builds on."""

    last: Compaction | None
    """The newest one that replaces a part of the log."""
    asked: tuple[int, ...] = ()
    """The positions of the messages that are addressed to the bot in the open turn, in order."""
    deleted: Mapping[int, str] = field(default_factory=dict[int, str])
    """By position, the texts of messages in the log that people have deleted in Slack; only the newest ones."""


@dataclass(frozen=True, slots=True)
class CompactionSettings:
    """How threads are shortened, as the operator wants it."""

    summary: str = ""
    """The model that summarises; the one that answers if it is empty."""
    context: int | None = None
    """How many tokens of a model's context are used at most; all that it has if None."""
