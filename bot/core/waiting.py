"""What waits for a person, and what of theirs waits, as the app's Home lists it. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.questions.question import Question
from bot.core.thread_ref import ThreadRef


@dataclass(frozen=True, slots=True)
class WaitingQuestion:
    """An open question that somebody may answer."""

    question: Question
    place: ThreadRef
    since: float
    """When it was asked, Unix time in seconds."""
    message_ts: str = ""
    """The timestamp of the message with its buttons that this person can see best; empty while it is not posted."""
    message_channel: str = ""


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """An open turn that somebody has asked for."""

    id: int
    place: ThreadRef
    since: float
    """When it was opened, Unix time in seconds."""
    stopping: bool = False
    """Somebody has stopped it, and it ends once what runs has ended."""
    parked: bool = False
    """It has failed too often, and goes on when a person wants it to."""
    waits_for: Question | None = None
    """An open question of it; None if it waits for nobody."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, as far as one list has room for it."""

    questions: Sequence[WaitingQuestion] = ()
    more_questions: bool = False
    turns: Sequence[OpenTurn] = ()
    more_turns: bool = False
