"""Shall a parked thread go on? It has failed too often, and only a person of its turn starts it again. Pure."""

from __future__ import annotations

from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import PARTICIPANTS, Decision, Question

RETRY = "retry"
RETRIED = "retried"
"""The answer, which is also how it stands once the thread goes on for another reason."""


class Retry(QuestionKind):
    """Whether a parked thread goes on."""

    name = RETRY
    answers = frozenset({RETRIED})
    ends_with_turn = False
    audited = False

    def may(self, question: Question, click: Click) -> bool | None:
        """Those who have addressed the bot in the turn; whoever comes late is told so first."""
        return question.decision != Decision.AWAITING or click.user in question.participants


def question(key: str, thread_id: int) -> Question:
    """The question that goes with the message of a parked thread. In: the key of the message."""
    return Question(
        id=key,
        kind=RETRY,
        digest="",
        thread_id=thread_id,
        channel="",
        subject=f"thread:{thread_id}",
        people=(PARTICIPANTS,),
        expires_at=float("inf"),
    )
