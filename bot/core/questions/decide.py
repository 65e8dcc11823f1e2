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
    kind = KINDS.get(click.kind or question.kind)
    asked = kind.asked(question) if kind else None
    if kind is None or asked is None or not _on_its_message(kind, asked, click):
        return UNKNOWN
    may = kind.may(asked, click)
    if not may:
        return Transition(Verdict.NOT_TOLD if may is None else Verdict.NOT_YOURS)
    if asked.decision != Decision.AWAITING:
        return Transition(Verdict.ALREADY)
    if now >= asked.expires_at:
        return kind.late(asked)
    return kind.answered(asked, click) if kind.allows(asked, click) else UNKNOWN


def close(question: Question, decision: Decision, *, by: str = "") -> Transition | None:
    """What follows when a question ends in another way than by an answer: `expired`, `stopped`, `withdrawn`. None when
    it is decided already."""
    if question.decision != Decision.AWAITING:
        return None
    return KINDS[question.kind].closed(question, decision, by=by)


def _on_its_message(kind: QuestionKind, question: Question, click: Click) -> bool:
    """Whether the click is on the message of this question, and on what was shown there."""
    if (click.question, click.team, click.channel, click.digest) != (
        question.id,
        question.team,
        question.channel,
        question.digest,
    ):
        return False
    # A message that was clicked before its own timestamp was recorded (a crash in between) has none yet: the id, which
    # is only on that message, and the channel identify it.
    if not question.message_ts and not kind.only_when_posted:
        return True
    return click.message_ts == question.message_ts
