"""What is recorded of a turn, as it is shown to people who ask for details. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.calls import Call
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn with its calls."""

    thread_id: int
    place: ThreadRef
    requester: str
    calls: Sequence[Call]
    """The first ones, in the order of the log."""
    more: int
    """How many others there are."""
    steps: int
    """Requests to the model that were answered."""
    seconds: float
    usage: Usage
    model: str = ""
    """The model that answered last; empty if none has."""
    fallback: str = ""
    """The fallback that has answered in place of the model that was asked; empty if none has."""
