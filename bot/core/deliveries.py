"""What Slack does not show yet of a thread. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.posts import Draft
from bot.core.questions.question import Question
from bot.core.thread_ref import ThreadRef


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that is to be posted, or whose posting was cut off before its timestamp was recorded."""

    id: int
    draft: Draft
    created_at: float


@dataclass(frozen=True, slots=True)
class StaleCard:
    """A card in Slack that has to be drawn again."""

    post: int
    ts: str
    revision: int
    """What it shows once it is drawn."""
    questions: Sequence[Question]
    """What it asks."""
    payload: str = ""
    """What was posted."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What Slack is to be brought in step with, for one thread."""

    place: ThreadRef
    owed: Sequence[Owed]
    stale: Sequence[StaleCard]
    """Cards that no longer show how things stand."""
    progress: Sequence[tuple[int, str]]
    """(number, timestamp) of the progress messages that stand in the thread."""
