"""The question whether to try again what has failed: a parked thread, or a turn that ended without an answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import PARTICIPANTS, Decision, Question
from bot.core.questions.transition import Transition

RETRY = "retry"
"""About a parked thread, whose turn is open."""
RETRY_TURN = "retry_turn"
"""About a turn that has ended without an answer."""
RETRIED = "retried"
"""The answer, and the decision once the thread goes on for any reason."""
PASSED = "passed"
"""The decision for a failed turn once another turn begins in its thread."""
RETRY_SECONDS = 7 * 86_400.0
_SUBJECT = re.compile(r"turn:([0-9]{1,18})", re.ASCII)


class Retry(QuestionKind):
    """Asks whether a parked thread goes on."""

    name = RETRY
    answers = frozenset({RETRIED})
    ends_with_turn = False
    audited = False

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether a person has addressed the bot in the turn. If the question is decided already, anybody may
        see that."""
        return question.decision != Decision.AWAITING or question.names(click.user, frozenset())

    def remind_before(self, usual: float) -> float:
        return 0.0


class RetryTurn(Retry):
    """Whether the model is asked once more in a turn that has ended without an answer."""

    name = RETRY_TURN

    def answered(self, question: Question, click: Click) -> Transition:
        found = _SUBJECT.fullmatch(question.subject)
        return replace(super().answered(question, click), reopens=int(found[1]) if found else 0)


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


def turn_question(key: str, thread_id: int, turn: int, people: Sequence[str], now: float) -> Question:
    """Return the question that goes with the message of a failed turn.

    Args:
        key: of the part of the message that says why it has failed.
        thread_id: the thread that it is in.
        turn: the turn.
        people: who has asked for it, and who else has addressed the bot in it.
        now: Unix time in seconds.
    """
    return Question(
        id=f"{RETRY}-{key}",
        kind=RETRY_TURN,
        digest="",
        thread_id=thread_id,
        channel="",
        subject=f"turn:{turn}",
        people=tuple(people),
        expires_at=now + RETRY_SECONDS,
    )
