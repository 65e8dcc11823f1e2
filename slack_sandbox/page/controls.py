"""What the page controls beside Slack itself: faults, the program under trial, the model's requests, a scenario.

The shapes of the JSON objects are those of `web/src/types.ts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Json = dict[str, Any]
Group = Literal["Slack", "Socket", "Model", "Processes"]
BotCommand = Literal["start", "stop", "restart", "kill"]


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number that may be given when a fault is switched on."""

    label: str
    unit: str
    default: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class FaultOffer:
    """A fault that can be switched on."""

    kind: str
    group: Group
    title: str
    hint: str
    once: bool = False
    """Whether it happens at once; otherwise it stays on until it is switched off or used up."""
    number: NumberField | None = None
    unavailable: str = ""
    """Why it cannot be used now; empty when it can."""


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault that is on."""

    id: str
    """Unique among all sources: begins with the source's own word, as in `model-3`."""
    kind: str
    title: str
    left: int | None = None
    """How many more times it happens; None: until it is switched off."""


class FaultSource(Protocol):
    """Something that can be made to fail."""

    def offers(self) -> Sequence[FaultOffer]:
        """What can be switched on, in the order of showing."""
        ...

    def active(self) -> Sequence[ActiveFault]:
        """What is on now."""
        ...

    async def switch_on(self, kind: str, number: float | None) -> None:
        """Switch on a fault of one's own offers. Raises ImpossibleAction with the reason when it cannot be done."""
        ...

    def switch_off(self, fault: str | None) -> None:
        """Switch off one by its id, or all of this source; an unknown id is ignored."""
        ...


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request to the model and what came of it."""

    at: float
    """Seconds since 1970 when it came."""
    model: str
    messages: int
    tools: int
    request: Json
    """The body; for the inspector only."""
    response: Any = None
    """What was answered, put together from the stream; None while it is open."""
    status: int = 0
    """The HTTP status; 0 while it is open."""
    error: str = ""
    fault: str = ""
    """The kind of fault that was made to happen."""
    seconds: float | None = None


class Controls(Protocol):
    """What the launcher offers to the page."""

    @property
    def sources(self) -> Sequence[FaultSource]:
        """Faults beyond those of Slack and its sockets."""
        ...

    def bot(self) -> Json | None:
        """`BotFacts`."""
        ...

    def scenario(self) -> Json | None:
        """`ScenarioFacts`."""
        ...

    def model_calls(self) -> Sequence[ModelCall]:
        """Every request to the model, in order; an entry is replaced by a newer one when it is answered."""
        ...

    async def control_bot(self, what: BotCommand) -> None:
        """Start, stop (SIGTERM), restart or kill (SIGKILL) the program. Raises ImpossibleAction with the reason."""
        ...

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever something that this object returns has changed."""
        ...
