"""What a person may see of the costs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.budget import Caps, Sum, SumKey, about, money
from bot.core.periods import day, month


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
