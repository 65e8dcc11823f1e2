"""Budgets: what may be spent on requests to the model, what has been spent, and what people read about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core import periods
from bot.core.model_info import Prices
from bot.core.transaction import Usage

NEAR = 0.8
"""The part of a budget after which people are informed."""
LEAST = 0.0001
"""US dollars below which an amount is not written out."""
ROUNDING = 1e-9
"""US dollars by which a sum of many costs may be wrong: no token is as cheap."""
THREAD_REFUSED_SECONDS = 86_400.0
"""For how long nobody is asked again after more was refused for a budget that never starts again by itself."""


class Budget(StrEnum):
    """The budgets by their names in bot.toml, in the order in which they are checked."""

    TURN = "turn"
    THREAD = "thread"
    PERSON_DAY = "person_day"
    CHANNEL_DAY = "channel_day"
    DAY = "day"
    MONTH = "month"


SHARED = (Budget.DAY, Budget.MONTH)
"""Those that concern the operators rather than the people in one thread."""


class Basis(StrEnum):
    """How the cost of a request is known."""

    REPORTED = "reported"
    """By the provider."""
    ESTIMATED = "estimated"
    """From the prices and the tokens, or from what an earlier request of its thread has cost."""
    UNKNOWN = "unknown"
    """Not at all: it counts as 0."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps in US dollars. None is no cap; with 0 nothing may be spent."""

    turn: float | None = None
    thread: float | None = None
    person_day: float | None = None
    channel_day: float | None = None
    day: float | None = None
    month: float | None = None

    def of(self, budget: Budget) -> float | None:
        """Return the cap of a budget."""
        cap: float | None = getattr(self, budget.value)
        return cap

    @property
    def any(self) -> bool:
        """Whether there is a cap."""
        return self != NO_CAPS


NO_CAPS = Caps()


@dataclass(frozen=True, slots=True)
class Payer:
    """What a request is made for."""

    turn: int
    thread: int
    person: str
    channel: str


@dataclass(frozen=True, slots=True)
class SumKey:
    """Identifies a running sum of costs."""

    scope: str
    """`turn`, `thread`, `person`, `channel`, `model` or `all`."""
    key: str
    """The id of that turn, thread, person, channel or model; empty for `all`."""
    period: str = ""
    """A day (`2026-11-28`) or a month (`2026-11`) in UTC; empty for all time."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What has been spent, and what the budget over it was raised by."""

    cost: float = 0.0
    """US dollars."""
    estimated: int = 0
    """How many requests in it have a cost that the provider has not reported."""
    allowed: float = 0.0
    """US dollars that operators have allowed beyond the cap."""
    question: str = ""
    """The id of the last question whether to allow more; empty if there was none."""
    refused_until: float = 0.0
    """Until when nobody is asked again; Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The question that a turn waits for, or has waited for last."""

    question: str = ""
    subject: str = ""
    decision: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget of a turn, with what has been spent of it."""

    budget: Budget
    key: SumKey
    cap: float
    sum: Sum = field(default_factory=Sum)

    @property
    def limit(self) -> float:
        """What may be spent in all, in US dollars."""
        return self.cap + self.sum.allowed

    @property
    def reached(self) -> bool:
        """Whether nothing more may be spent."""
        return self.sum.cost >= self.limit - ROUNDING

    def near_with(self, cost: float) -> bool:
        """Return whether people are to be informed once this is spent too: most of it is used then, but not all."""
        return NEAR * self.limit - ROUNDING <= self.sum.cost + cost < self.limit - ROUNDING

    @property
    def subject(self) -> str:
        """What a question about it is about."""
        return f"budget:{self.key.scope}:{self.key.key}:{self.key.period}"

    @property
    def more(self) -> float:
        """What an operator is asked to allow, in US dollars: as much again, and something if the cap is 0."""
        return self.cap or 1.0


@dataclass(frozen=True, slots=True)
class RequestCost:
    """One request to the model, for the ledger of costs."""

    request: str
    """Identifies the request: a second one with the same id replaces the first."""
    generation: str = ""
    """The id by which the endpoint knows it; empty if it has given none."""
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    basis: Basis = Basis.REPORTED
    cut: bool = False
    """It was cut off before its cost was known: the endpoint has to be asked."""


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A request whose cost the endpoint has to be asked for."""

    id: int
    generation: str
    tries: int
    """How often the endpoint was asked in vain."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a request counts for in the sums."""

    model: str = ""
    cost: float = 0.0
    estimated: bool = False
    """Its cost is not what the provider has reported."""


NOT_COUNTED = Counted()
"""What a request counts for that is being answered."""


def changes_of(payer: Payer, at: float, before: Counted, after: Counted) -> list[tuple[SumKey, float, int]]:
    """Return the sums to which a request counts that was made at this time, each with the cost and the number of
    estimates to add when it counts differently than before. What counted for another model is taken from that one."""
    month = periods.month(at)
    more = (SumKey("person", payer.person, month), SumKey("channel", payer.channel, month))
    keys = (*(key_of(each, payer, at) for each in Budget), *more)
    cost, estimated = after.cost - before.cost, after.estimated - before.estimated
    changes = [(key, cost, estimated) for key in keys]
    if before.model == after.model or before == Counted(before.model):
        return [*changes, (SumKey("model", after.model, month), cost, estimated)]
    return [
        *changes,
        (SumKey("model", before.model, month), -before.cost, -before.estimated),
        (SumKey("model", after.model, month), after.cost, int(after.estimated)),
    ]


def key_of(budget: Budget, payer: Payer, at: float) -> SumKey:
    """Return the sum that a budget limits."""
    match budget:
        case Budget.TURN:
            return SumKey("turn", str(payer.turn))
        case Budget.THREAD:
            return SumKey("thread", str(payer.thread))
        case Budget.PERSON_DAY:
            return SumKey("person", payer.person, periods.day(at))
        case Budget.CHANNEL_DAY:
            return SumKey("channel", payer.channel, periods.day(at))
        case Budget.DAY:
            return SumKey("all", "", periods.day(at))
        case Budget.MONTH:
            return SumKey("all", "", periods.month(at))


def refused_until(period: str, now: float) -> float:
    """Return until when nobody is asked to allow more, once that was refused: until the period ends."""
    if not period:
        return now + THREAD_REFUSED_SECONDS
    return periods.end(period)


def priced(usage: Usage, prices: Prices | None) -> tuple[Usage, Basis]:
    """Return the usage of a request with its cost, and how that is known: estimated if the provider has not reported
    it."""
    if usage.reported or usage.cost > 0:
        return usage, Basis.REPORTED
    if prices is None or prices.prompt is None or prices.completion is None:
        return usage, Basis.UNKNOWN
    if min(prices.prompt, prices.completion) < 0:  # OpenRouter's price of a router that chooses the model: it varies
        return usage, Basis.UNKNOWN
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    cached_price = prices.prompt if prices.cached is None else prices.cached
    cost = (
        (usage.prompt_tokens - cached) * prices.prompt
        + cached * cached_price
        + usage.completion_tokens * prices.completion
    )
    tokens = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    return Usage(*tokens, max(0.0, cost)), Basis.ESTIMATED


def total(costs: Sequence[RequestCost]) -> Usage:
    """Return the sum of what requests have cost."""
    return sum((each.usage for each in costs), Usage())


def money(amount: float) -> str:
    """Return an amount in US dollars for people."""
    if 0 < amount < LEAST:
        return f"less than ${LEAST}"
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"


def about(found: Sum, more: float = 0.0) -> str:
    """Return what has been spent, for people."""
    amount = found.cost + more
    return f"{'about ' if found.estimated and not 0 < amount < LEAST else ''}{money(amount)}"


def whose(budget: Budget, person: str) -> str:
    """Return a budget by its name, as the beginning of a sentence. `person`: whose it is, such as `Alice's`."""
    return {
        Budget.TURN: "The budget for this answer",
        Budget.THREAD: "The budget for this thread",
        Budget.PERSON_DAY: f"{person} budget for today",
        Budget.CHANNEL_DAY: "The budget for this channel today",
        Budget.DAY: "The team's budget for today",
        Budget.MONTH: "The team's budget for this month",
    }[budget]


def used_up(standing: Standing, person: str = "Your") -> str:
    """Return that a budget is used up."""
    return f"{whose(standing.budget, person)} ({money(standing.limit)}) is used up."


def nearly(standing: Standing, cost: float, person: str = "Your") -> str:
    """Return how much of a budget is used once this is spent too."""
    spent = about(standing.sum, cost)
    return f"{whose(standing.budget, person)} is nearly used up: {spent} of {money(standing.limit)}."


def ended(standing: Standing, why: str) -> str:
    """Return what people read when nothing more may be spent: what was reached, what is kept, what they can do. `why`:
    a sentence about why nobody allows more; may be empty."""
    match standing.budget:
        case Budget.TURN:
            then = "Write here and I go on with a new one."
        case Budget.THREAD:
            then = "Start a new thread to go on, or press Retry once the budget is raised."
        case _:
            begins = f"{periods.next_day(standing.key.period)} at 00:00 UTC"
            then = f"It starts again on {begins}: press Retry then, or once it is raised."
    return " ".join(filter(None, (used_up(standing), why, "Everything so far is kept.", then)))
