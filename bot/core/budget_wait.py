"""What is recorded when a turn has to wait for operators to allow more. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.budget import Standing
from bot.core.posts import Draft
from bot.core.questions.question import Card


@dataclass(frozen=True, slots=True)
class BudgetWait:
    """A turn waits, unless more was allowed since the budget was read."""

    standing: Standing
    card: Card
    """Asks the operators. It is recorded only if no question about this budget is open."""
    notice: Sequence[Draft] = ()
    """Posted instead, if one is open."""
