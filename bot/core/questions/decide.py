"""Whether a click decides a question, and what follows. Pure: every rule of who may decide what is here or in the
module of the kind, and the store only writes what comes out."""

from __future__ import annotations

from bot.core.questions.click import Click, Verdict
from bot.core.questions.kind import UNKNOWN, QuestionKind
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Decision, Question
from bot.core.questions.transition import Transition


def decide(question: Question, click: Click, now: float) -> Transition:
    """What a click changes.

    In: the question as it stands, and the time in seconds since 1970. Out: the verdict, with everything that is to be
    written; the verdict alone when the click changes nothing.
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
    """Return why a click does not count, whatever it answers; None if it does. For a window that is about to be opened:
    `decide` looks again once it is submitted."""
    found = _asked(question, click)
    return Verdict.UNKNOWN if found is None else _refusal(*found, click, now)


def close(question: Question, decision: str, *, by: str = "", reason: str = "") -> Transition | None:
    """What follows when a question ends in another way than by an answer: `expired`, `stopped`, `withdrawn`. None when
    it is decided already."""
    if question.decision != Decision.AWAITING:
        return None
    return KINDS[question.kind].closed(question, decision, by=by, reason=reason)


def _asked(question: Question, click: Click) -> tuple[QuestionKind, Question] | None:
    """The kind of the question that a click is about, and the question; None when it is on no message of it."""
    kind = KINDS.get(click.kind or question.kind)
    asked = kind.asked(question) if kind else None
    return None if kind is None or asked is None or not _on_its_message(kind, asked, click) else (kind, asked)


def _refusal(kind: QuestionKind, asked: Question, click: Click, now: float) -> Verdict | None:
    may = kind.may(asked, click)
    if not may:
        return Verdict.NOT_TOLD if may is None else Verdict.NOT_YOURS
    return Verdict.ALREADY if asked.decision != Decision.AWAITING or now >= asked.expires_at else None


def _on_its_message(kind: QuestionKind, question: Question, click: Click) -> bool:
    """Whether the click is on the message of this question, and on what was shown there."""
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
