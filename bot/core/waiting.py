"""What waits for a person, and their open turns, as the app's Home lists them. Pure data."""

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
    """The timestamp of the message with the buttons that this person sees; empty while it is not posted."""
    message_channel: str = ""


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """An open turn that somebody has asked for."""

    id: int
    place: ThreadRef
    since: float
    """When it was opened, Unix time in seconds."""
    stopping: bool = False
    """Whether somebody has stopped it; it ends once running calls have ended."""
    parked: bool = False
    """Whether it has failed too often, and goes on only when a person asks for that."""
    waits_for: Question | None = None
    """One of its open questions; None if it waits for nobody."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, up to the length of a list."""

    questions: Sequence[WaitingQuestion] = ()
    more_questions: bool = False
    turns: Sequence[OpenTurn] = ()
    more_turns: bool = False
