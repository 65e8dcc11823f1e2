"""The question whether to answer messages that were written long ago, while the bot was offline. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from bot.core.json_text import sha256
from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import Question
from bot.core.questions.transition import Transition
from bot.core.untrusted import items, mapping, parsed

MISSED = "missed"
ANSWER = "answer"
"""The only answer, and the decision that it leads to."""
TAKEN_UP = "taken_up"
"""The decision once the authors have written again."""
TAKEN_BACK = "taken_back"
"""The decision once the authors have deleted the messages, or edited them so that they ask for nothing."""
REQUEST = "Please answer what I wrote while you were offline."
"""The message that a click is taken for."""
OFFER_SECONDS = 7 * 86_400.0


class AnswerMissed(QuestionKind):
    """Asks whether to answer old messages. Each author may have them answered."""

    name = MISSED
    answers = frozenset({ANSWER})
    ends_with_turn = False
    audited = False

    def answered(self, question: Question, click: Click) -> Transition:
        answered = self.closed(question, ANSWER, by=click.user)
        return replace(answered, requests=self.threads(question), words=REQUEST, at=click.at)

    def remind_before(self, usual: float) -> float:
        return 0.0

    def threads(self, question: Question) -> Sequence[int]:
        found = items(mapping(parsed(question.body)).get("threads"))
        return tuple(each for each in found if isinstance(each, int)) or (question.thread_id,)


def extended(asked: Question, threads: Sequence[int], people: Sequence[str]) -> Question:
    """Return an open question with more threads and people."""
    found = dict.fromkeys((*AnswerMissed().threads(asked), *threads))
    return replace(asked, body=_body([*found]), people=tuple(dict.fromkeys((*asked.people, *people))))


def narrowed(asked: Question, threads: Sequence[int], people: Sequence[str]) -> Question:
    """Return an open question with only these threads and people."""
    return replace(asked, body=_body(threads), people=tuple(people))


def _body(threads: Sequence[int]) -> str:
    return json.dumps({"threads": [*threads]})


def question(thread_id: int, ts: str, threads: Sequence[int], people: Sequence[str], now: float) -> Question:
    """Return the question.

    Args:
        thread_id: the thread in which it is asked.
        ts: the timestamp of the newest message that it is about.
        threads: the threads of all these messages.
        people: their authors.
        now: Unix time in seconds.
    """
    body = _body(threads)
    return Question(
        id=f"{MISSED}-{thread_id}-{now:.6f}",  # the same messages may be asked about again
        kind=MISSED,
        digest=sha256(MISSED, str(thread_id), ts, body),
        thread_id=thread_id,
        channel="",
        subject=f"thread:{thread_id}",
        body=body,
        people=tuple(people),
        expires_at=now + OFFER_SECONDS,
    )
