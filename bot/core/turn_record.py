"""What is recorded of a turn, as it is shown to people who ask for details. Pure data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.budget import Basis
from bot.core.calls import Call
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage


@dataclass(frozen=True, slots=True)
class CallCost:
    """What the request to the model has cost whose reply asked for a call. Other calls of that reply share it."""

    request: str
    """Identifies the request."""
    cost: float
    """US dollars."""
    basis: Basis


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
    estimated: int = 0
    """How many requests in its usage have a cost that the provider has not reported."""
    costs: Mapping[int, CallCost] = field(default_factory=dict[int, CallCost])
    """By the id of a call: what its request has cost, if that is recorded."""
