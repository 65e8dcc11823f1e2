"""Which turns wait for more budget, and what was decided about it, in memory."""

from __future__ import annotations

from dataclasses import replace

from bot.core.budget import Sum, SumKey, refused_until
from bot.core.questions import budget
from bot.core.questions.question import Decision, Question
from tests.extending.memory.tables import Tables, now


def waits(tables: Tables, turn: int) -> bool:
    """Whether a turn waits for a question that is open."""
    question = tables.waits.get(turn)
    return question is not None and tables.questions[question].question.decision == Decision.AWAITING


def leave(tables: Tables, turn: int) -> str:
    """Have a turn wait no more. Out: the question that nobody waits for any more; empty if there is none."""
    if not waits(tables, turn):
        return ""
    question = tables.waits.pop(turn)
    return "" if question in tables.waits.values() else question


def decided(tables: Tables, question: Question, allows: float) -> None:
    """Raise the budget of a question, or refuse more."""
    _, scope, name, period = question.subject.split(":")
    key = SumKey(scope, name, period)
    found = tables.sums.get(key, Sum())
    cap = budget.asked(question).limit - found.allowed
    if allows:
        allowed = max(found.allowed, found.cost - cap) + allows
        tables.sums[key] = replace(found, allowed=allowed, refused_until=0.0, question="")
    else:
        tables.sums[key] = replace(found, refused_until=refused_until(period, now()), question="")
