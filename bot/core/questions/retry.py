"""The question whether a parked thread goes on after it has failed too often. Pure."""

from __future__ import annotations

from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import PARTICIPANTS, Decision, Question

RETRY = "retry"
RETRIED = "retried"
"""The answer, and the decision once the thread goes on for any reason."""


class Retry(QuestionKind):
    """Asks whether a parked thread goes on."""

    name = RETRY
    answers = frozenset({RETRIED})
    ends_with_turn = False
    audited = False

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether a person has addressed the bot in the turn. If the question is decided already, anybody may
        see that."""
        return question.decision != Decision.AWAITING or click.user in question.participants


def question(key: str, thread_id: int) -> Question:
    """Return the question that belongs to the message of a parked thread. `key` is the key of that message."""
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
