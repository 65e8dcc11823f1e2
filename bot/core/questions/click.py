"""An answer that somebody gave with a button or in a window, and what became of it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.questions.grant import Grant
from bot.core.questions.question import Question


@dataclass(frozen=True, slots=True)
class Click:
    """An answer given with a button, or in a window that the button opened."""

    question: str
    digest: str
    answer: str
    user: str
    team: str
    channel: str
    message_ts: str
    entitled: bool | None
    """Whether this person may answer, checked against the configuration and Slack just now; None if Slack did not
    say."""
    groups: frozenset[str] = frozenset()
    """The user groups named by the question that this person is known to be in."""
    kind: str = ""
    """The kind of question that the button names; empty for any kind."""
    needed: int = 1
    """How many approvals the configuration asks for now."""
    lapsed: frozenset[str] = frozenset()
    """People who agreed before and may no longer do so: their votes do not count."""
    reason: str = ""
    """What the person wrote."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """The values entered in the window, by field. Fields that were left empty are missing."""
    arguments: str = ""
    """The arguments as the person changed them, canonical JSON."""
    grant: Grant | None = None
    """The standing grant that the person gives with an approval."""
    at: str = ""
    """When it was given, as a timestamp of Slack's; empty if Slack did not say."""


class Verdict(StrEnum):
    """What became of a click."""

    SETTLED = "settled"
    COUNTED = "counted"
    """It is one of several votes that are needed."""
    NOT_YOURS = "not_yours"
    UNVERIFIED = "unverified"
    """Slack did not confirm who this person is, so nothing was decided."""
    INVALID = "invalid"
    """What was entered is not a valid answer (`QuestionKind.problems`); the question stays open."""
    ALREADY = "already"
    UNKNOWN = "unknown"
    """There is no such question, or not on this message, in this channel and workspace, or something else was shown."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The verdict on a click, for the reply to the person."""

    verdict: Verdict
    thread_id: int = 0
    question: Question | None = None
    """The question after the click; None if the verdict is `unknown`."""
