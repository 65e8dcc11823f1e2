"""The question whether more may be spent than a budget says. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.budget import Budget, Standing
from bot.core.json_text import sha256
from bot.core.questions.click import Verdict
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import Decision, Question
from bot.core.questions.transition import Record, Transition
from bot.core.untrusted import items, mapping, one_of, parsed

BUDGET = "budget"
ALLOWED = "allowed"
REFUSED = "refused"
MAX_WOKEN = 500
"""Threads of waiting turns that go on at once when the question is decided; the others go on with the next sweep."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is about."""

    budget: Budget
    limit: float
    """US dollars that are used up."""
    more: float
    """US dollars that an operator may allow."""
    person: str
    """Whose budget it is, or whose request comes first that waits for it."""
    threads: Sequence[int]
    """The threads whose turns wait, at most MAX_WOKEN."""


class MoreBudget(QuestionKind):
    """Asks operators whether more may be spent."""

    name = BUDGET
    answers = frozenset({ALLOWED, REFUSED})
    ends_with_turn = False

    def requested(self, question: Question) -> Record:
        return self.record(question, "requested", _facts(question))

    def closed(
        self,
        question: Question,
        decision: str,
        *,
        by: str = "",
        reason: str = "",
        verdict: Verdict = Verdict.SETTLED,
        facts: Mapping[str, object] | None = None,
    ) -> Transition:
        """Return what follows. Unless the turns that wait were stopped, a question that was not answered with
        `allowed` counts as refused."""
        said = {**_facts(question), **(facts or {})}
        closed = super().closed(question, decision, by=by, reason=reason, verdict=verdict, facts=said)
        if decision == Decision.STOPPED:
            return closed
        return replace(closed, allows=asked(question).more if decision == ALLOWED else 0.0)

    def threads(self, question: Question) -> Sequence[int]:
        return asked(question).threads or (question.thread_id,)


def _facts(question: Question) -> dict[str, object]:
    found = asked(question)
    return {"budget": found.budget.value, "limit": found.limit, "more": found.more, "about": question.subject}


def asked(question: Question) -> Asked:
    """Return what a question is about."""
    found = mapping(parsed(question.body))
    name = str(found.get("budget"))
    threads = [each for each in items(found.get("threads")) if isinstance(each, int)]
    return Asked(
        one_of(Budget, name, Budget.TURN),
        _amount(found.get("limit")),
        _amount(found.get("more")),
        str(found.get("person") or ""),
        threads,
    )


def _amount(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def joined(question: Question, thread_id: int) -> str | None:
    """Return the body of a question for which a turn of another thread waits too; None if it need not change."""
    found = mapping(parsed(question.body))
    threads = asked(question).threads
    if thread_id in threads or len(threads) >= MAX_WOKEN:
        return None
    return json.dumps({**found, "threads": [*threads, thread_id]})


def question(
    id: str, standing: Standing, thread: tuple[int, str], people: tuple[str, Sequence[str]], expires_at: float
) -> Question:
    """Return the question to operators about a budget that is used up.

    Args:
        id: identifies the question.
        standing: the budget.
        thread: the id of the thread in which it is asked, and its channel.
        people: whose request waits, and the ids of the people and user groups who may answer.
        expires_at: Unix time in seconds.
    """
    (thread_id, channel), (person, operators) = thread, people
    shown = {"budget": standing.budget.value, "limit": standing.limit, "more": standing.more, "person": person}
    return Question(
        id=id,
        kind=BUDGET,
        digest=sha256(id, standing.subject, json.dumps(shown)),
        thread_id=thread_id,
        channel=channel,
        subject=standing.subject,
        body=json.dumps({**shown, "threads": [thread_id]}),
        requester=person,
        people=tuple(operators),
        expires_at=expires_at,
    )
