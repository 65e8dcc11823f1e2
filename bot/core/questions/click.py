"""What somebody did on the message of a question, and what became of it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.questions.grant import Grant
from bot.core.questions.question import Question


@dataclass(frozen=True, slots=True)
class Click:
    """An answer that somebody gave with a button, or in a window that was opened from it."""

    question: str
    digest: str
    answer: str
    user: str
    team: str
    channel: str
    message_ts: str
    entitled: bool | None
    """They may answer this: checked against the configuration and Slack just now; None when Slack did not tell."""
    groups: frozenset[str] = frozenset()
    """The user groups that they are known to be in, of those that the question names."""
    kind: str = ""
    """Which kind the button names; empty: whichever kind the question is of."""
    needed: int = 1
    """How many people the configuration asks for now."""
    lapsed: frozenset[str] = frozenset()
    """Who has agreed before and may no longer: their votes do not count."""
    reason: str = ""
    """What the person wrote."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the person entered in the window of the answer, by field; a field that was left empty is missing."""
    arguments: str = ""
    """The arguments as the person changed them, canonical JSON."""
    grant: Grant | None = None
    """The standing grant that the person gives with an approval."""


class Verdict(StrEnum):
    """What became of a click."""

    SETTLED = "settled"
    COUNTED = "counted"
    """It is one of the votes that are needed; more are."""
    NOT_YOURS = "not_yours"
    UNVERIFIED = "unverified"
    """Slack did not tell who they are, so they may not."""
    INVALID = "invalid"
    """What was entered is no valid answer (`QuestionKind.problems`); the question stays open."""
    ALREADY = "already"
    UNKNOWN = "unknown"
    """No such question, or not on this message, in this channel, of this workspace, or not what was shown."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The verdict on a click, with what the person is to be told."""

    verdict: Verdict
    thread_id: int = 0
    question: Question | None = None
    """As it stands after the click; None when the verdict is `unknown`."""
