"""What a person may see of the costs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core.budget import ROUNDING, Caps, Sum, SumKey, about, money
from bot.core.periods import DAY_SECONDS, day, month
from bot.core.usage import By

MOST = 5
"""People, channels and models that are named; the others are added up."""
DAYS = 7
LISTED = (By.PERSON, By.CHANNEL, By.MODEL)
"""What the costs of a month are listed by; each is the scope of a sum, too."""


@dataclass(frozen=True, slots=True)
class CostList:
    """What was spent by people, channels or models this month, or on the last days."""

    by: By
    rows: Sequence[tuple[str, Sum]]
    """The largest first, with the ids or names; of days the newest first."""
    others: Sum | None = None
    """What all that are not in the rows have cost together; None if there are none."""


@dataclass(frozen=True, slots=True)
class CostView:
    """Shows people their own costs, and operators those of the team."""

    caps: Caps = field(default_factory=Caps)
    operators: tuple[str, ...] = ()

    def is_operator(self, user: str, groups: frozenset[str]) -> bool:
        """Return whether a person, who is in these user groups, is an operator."""
        return user in self.operators or not groups.isdisjoint(self.operators)

    def keys(self, user: str, groups: frozenset[str], at: float) -> Sequence[SumKey]:
        """Return the sums that a person sees, who is in these user groups: those of today, and of this month."""
        scopes = [("person", user)]
        if self.is_operator(user, groups):
            scopes.append(("all", ""))
        return [SumKey(scope, key, period) for scope, key in scopes for period in (day(at), month(at))]

    def lines(self, sums: Sequence[Sum]) -> Sequence[str]:
        """Return what a person reads about these sums, in the order of `keys`; nothing if nothing was spent."""
        if not any(each.cost or each.estimated for each in sums):
            return ()
        caps = ((self.caps.person_day, None), (self.caps.day, self.caps.month))
        names = ("For what you asked", "For the whole team")
        return [
            f"{name}: {_of(sums[2 * place], capped[0])} today, {_of(sums[2 * place + 1], capped[1])} this month"
            for place, (name, capped) in enumerate(zip(names, caps, strict=True))
            if 2 * place < len(sums)
        ]


def _of(found: Sum, cap: float | None) -> str:
    return about(found) if cap is None else f"{about(found)} of {money(cap + found.allowed)}"


def team_keys(at: float) -> Sequence[SumKey]:
    """Return the sums of the whole team: of this month, then those of the last days, the newest first."""
    return [SumKey("all", "", month(at)), *(SumKey("all", "", day(at - ago * DAY_SECONDS)) for ago in range(DAYS))]


def cost_lists(
    keys: Sequence[SumKey], sums: Sequence[Sum], largest: Mapping[By, Sequence[tuple[str, Sum]]]
) -> Sequence[CostList]:
    """Return what operators see; nothing is listed that has cost nothing.

    Args:
        keys: as `team_keys` returns them.
        sums: their sums.
        largest: the largest sums of the month, one more than are named.
    """
    found = [CostList(by, _spent(rows[:MOST]), _others(sums[0], rows)) for by, rows in largest.items()]
    days = CostList(By.DAY, _spent([(key.period, each) for key, each in zip(keys[1:], sums[1:], strict=True)]))
    return [each for each in (*found, days) if each.rows]


def _spent(rows: Sequence[tuple[str, Sum]]) -> Sequence[tuple[str, Sum]]:
    return [(name, each) for name, each in rows if each.cost > ROUNDING or each.estimated]


def _others(total: Sum, rows: Sequence[tuple[str, Sum]]) -> Sum | None:
    if len(rows) <= MOST:
        return None
    cost = total.cost - sum(each.cost for _, each in rows[:MOST])
    estimated = total.estimated - sum(each.estimated for _, each in rows[:MOST])
    return Sum(cost, max(0, estimated)) if cost > ROUNDING else None
