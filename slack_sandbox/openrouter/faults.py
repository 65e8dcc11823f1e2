"""Faults of the model that a person switches on in the page, for the offline model and for the relay alike.

Which requests they affect is decided here; how an answer fails is the part of `script` and of the relay.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.openrouter.script import Answer, Completion, failure
from slack_sandbox.page.controls import ActiveFault, FaultOffer, NumberField

Ending = Literal["", "cut", "stall"]

_REQUESTS: Final = NumberField("How many requests", "requests", 1, 1, 1000)


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """What is to happen to one request."""

    kind: str
    """The fault's kind; of several at once the one that does most."""
    answer: Answer | None = None
    """Sent instead of the model's own answer."""
    wait: float = 0.0
    """Seconds before the first word."""
    pace: float = 0.0
    """Seconds before each piece."""
    ending: Ending = ""
    """cut: the connection closes in the middle of the answer; stall: it stays open and nothing more comes."""

    def apply_to(self, answer: Answer) -> Answer:
        """The answer as this fault leaves it."""
        if not isinstance(answer, Completion):
            return answer
        if self.wait or self.pace:
            slowly = max(answer.chunks, min(40, len(answer.text) // 8 + 1)) if self.pace else answer.chunks
            wait, delay = max(answer.first_token, self.wait), max(answer.delay, self.pace)
            answer = replace(answer, first_token=wait, delay=delay, chunks=slowly)
        if not self.ending:
            return answer
        half = answer.text[: len(answer.text) // 2] or "Let me see"
        before = replace(answer, text=half, calls=())
        return failure("truncated" if self.ending == "cut" else "stalled", before=before, interval=1.0)


_OFFERS: Final = (
    FaultOffer(
        "model_slow",
        "Model",
        "Slow model",
        "The first word comes late. The thread shows that the bot is thinking.",
        number=NumberField("Seconds before the first word", "s", 10, 0.1, 300),
    ),
    FaultOffer(
        "model_slow_stream",
        "Model",
        "Slow stream",
        "The answer comes in small pieces with a pause before each.",
        number=NumberField("Seconds before each piece", "s", 0.5, 0.01, 30),
    ),
    FaultOffer(
        "model_busy",
        "Model",
        "Rate limited (429)",
        "The next requests are refused with 429 and Retry-After: 1. The bot asks again.",
        number=_REQUESTS,
    ),
    FaultOffer(
        "model_unavailable",
        "Model",
        "Provider down (502)",
        "The next requests fail with 502. The bot asks again, and says so when it gives up.",
        number=_REQUESTS,
    ),
    FaultOffer(
        "model_cut",
        "Model",
        "Breaks off",
        "The connection closes in the middle of the next answers. The bot asks again from the start.",
        number=_REQUESTS,
    ),
    FaultOffer(
        "model_stall",
        "Model",
        "Stalls",
        "The next answers begin and never end. The bot waits a minute for another word, then asks again.",
        number=_REQUESTS,
    ),
    FaultOffer(
        "model_empty",
        "Model",
        "Empty answer",
        "The next answers say nothing and call nothing. The bot asks once more, and then says so.",
        number=_REQUESTS,
    ),
    FaultOffer(
        "model_no_credits",
        "Model",
        "Out of credits (402)",
        "Every request is refused because the account is empty, until this is switched off.",
    ),
)

_INSTEAD: Final[Mapping[str, Callable[[], Answer]]] = {
    "model_busy": lambda: failure(429, retry_after=1),
    "model_unavailable": lambda: failure(502),
    "model_empty": Completion,
    "model_no_credits": lambda: failure(402),
}
_ENDINGS: Final[Mapping[str, Ending]] = {"model_cut": "cut", "model_stall": "stall"}


@dataclass(slots=True)
class _ActiveFault:
    id: str
    offer: FaultOffer
    number: float

    def __post_init__(self) -> None:
        self.left = int(self.number) if self.offer.number is _REQUESTS else None

    left: int | None = None


class ModelFaults:
    """A FaultSource; `ModelSandbox(faults=…)` and `Relay(faults=…)` ask it at each chat completion."""

    def __init__(self) -> None:
        self._on: list[_ActiveFault] = []
        self._serial = itertools.count(1)
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever a fault was switched on or off, or was used up."""
        self._listeners.append(changed)

    def offers(self) -> Sequence[FaultOffer]:
        """What can be switched on, in the order of showing."""
        return _OFFERS

    def active(self) -> Sequence[ActiveFault]:
        """What is on now."""
        return [ActiveFault(on.id, on.offer.kind, _title(on), on.left) for on in self._on]

    async def switch_on(self, kind: str, number: float | None) -> None:
        """Switch on a fault in place of one of the same kind. Raises ImpossibleAction for an unknown kind and for a
        number outside of its bounds."""
        offer = next((offer for offer in _OFFERS if offer.kind == kind), None)
        if offer is None:
            raise ImpossibleAction(f"the model has no fault named {kind!r}")
        value = 0.0
        if offer.number is not None:
            value = offer.number.default if number is None else number
            if not offer.number.least <= value <= offer.number.most:
                raise ImpossibleAction(
                    f"{offer.number.label}: give a number from {offer.number.least:g} to {offer.number.most:g}"
                )
        self._on = [on for on in self._on if on.offer.kind != kind]
        self._on.append(_ActiveFault(f"model-{next(self._serial)}", offer, value))
        self._tell()

    def switch_off(self, fault: str | None) -> None:
        """Switch off one by its id, or all; an unknown id is ignored."""
        self._on = [on for on in self._on if fault is not None and on.id != fault]
        self._tell()

    def inject(self) -> InjectedFault | None:
        """What is to happen to the request that has just come; None for nothing. Uses up one of a counted fault."""
        if not self._on:
            return None
        injected = InjectedFault("")
        for on in self._on:
            if on.offer.kind == "model_slow":
                injected = replace(injected, kind=injected.kind or on.offer.kind, wait=on.number)
            elif on.offer.kind == "model_slow_stream":
                injected = replace(injected, kind=injected.kind or on.offer.kind, pace=on.number)
        hard = next((on for on in self._on if on.offer.kind in _INSTEAD or on.offer.kind in _ENDINGS), None)
        if hard is None:
            return injected
        kind = hard.offer.kind
        answer = _INSTEAD[kind]() if kind in _INSTEAD else None
        injected = replace(injected, kind=kind, answer=answer, ending=_ENDINGS.get(kind, ""))
        if hard.left is not None:
            hard.left -= 1
            if hard.left <= 0:
                self._on.remove(hard)
        self._tell()
        return injected

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()


def _title(on: _ActiveFault) -> str:
    if on.offer.number is None or on.left is not None:
        return on.offer.title
    return f"{on.offer.title} ({on.number:g} {on.offer.number.unit})"
