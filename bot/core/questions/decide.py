"""Decides whether a click counts, and what follows from it. Pure.

Every rule about who may decide what is here or in the module of the kind; the store only writes the result.
"""

from __future__ import annotations

from bot.core.questions.click import Click, Verdict
from bot.core.questions.kind import UNKNOWN, QuestionKind
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Decision, Question
from bot.core.questions.transition import Transition


def decide(question: Question, click: Click, now: float) -> Transition:
    """Return what a click changes.

    Args:
        question: the current state of the question.
        click: the click.
        now: Unix time in seconds.

    Returns:
        The verdict and everything to write; the verdict alone if the click changes nothing.
    """
    found = _asked(question, click)
    if found is None:
        return UNKNOWN
    kind, asked = found
    refused = _refusal(kind, asked, click, now)
    if refused is Verdict.ALREADY and asked.decision == Decision.AWAITING:
        return kind.late(asked)
    if refused is not None:
        return Transition(refused)
    if not kind.allows(asked, click):
        return UNKNOWN
    return Transition(Verdict.INVALID) if kind.problems(asked, click) else kind.answered(asked, click)


def refusal(question: Question, click: Click, now: float) -> Verdict | None:
    """Return why a click would not count, whatever its answer is; None if it would.

    For a window that is about to be opened. `decide` checks again when it is submitted.
    """
    found = _asked(question, click)
    return Verdict.UNKNOWN if found is None else _refusal(*found, click, now)


def close(question: Question, decision: str, *, by: str = "", reason: str = "") -> Transition | None:
    """Return what follows if a question ends without an answer (`expired`, `stopped`, `withdrawn`); None if it is
    decided."""
    if question.decision != Decision.AWAITING:
        return None
    return KINDS[question.kind].closed(question, decision, by=by, reason=reason)


def _asked(question: Question, click: Click) -> tuple[QuestionKind, Question] | None:
    """Return the kind and the question that a click is about; None if the click is not on a message of the question."""
    kind = KINDS.get(click.kind or question.kind)
    asked = kind.asked(question) if kind else None
    return None if kind is None or asked is None or not _on_its_message(kind, asked, click) else (kind, asked)


def _refusal(kind: QuestionKind, asked: Question, click: Click, now: float) -> Verdict | None:
    may = kind.may(asked, click)
    if not may:
        return Verdict.UNVERIFIED if may is None else Verdict.NOT_YOURS
    return Verdict.ALREADY if asked.decision != Decision.AWAITING or now >= asked.expires_at else None


def _on_its_message(kind: QuestionKind, question: Question, click: Click) -> bool:
    """Return whether the click is on the message of this question, and on what was shown there."""
    if (click.question, click.team, click.digest) != (question.id, question.team, question.digest):
        return False
    if click.channel != question.channel:
        # A copy may be there twice after a crash; which of them was clicked makes no difference.
        return question.shown_to(click.user, click.channel)
    # A message that was clicked before its own timestamp was recorded (a crash in between) has none yet: the id, which
    # is only on that message, and the channel identify it.
    if not question.message_ts and not kind.only_when_posted:
        return True
    return click.message_ts == question.message_ts
