"""A kind of question that the bot does not have: which of two ways to go. What a new kind needs, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.kinds import register
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.transition import Transition
from bot.slack.blocks import messages, question_blocks
from bot.slack.blocks.elements import actions, context

KIND = "ask_person"


# In core/: the rules.
class AskPerson(QuestionKind):
    """Which way to go. The model reads the answer at its next turn."""

    name = KIND
    answers = frozenset({"first", "second"})

    def answered(self, question: Question, click: Click) -> Transition:
        chosen = json.loads(question.body)[click.answer]
        return replace(super().answered(question, click), note=f"The answer to {question.id} is: {chosen}.")


def question(number: int, state: tuple[int, str], people: tuple[str, ...], *, seconds: float = 3600.0) -> Question:
    """A question about two ways. In: the thread's number and its channel, and who may answer."""
    body = canonical({"words": "Which way?", "first": "the long road", "second": "the short cut"})
    thread_id, channel = state
    return Question(
        id=f"which-way-{number}",
        kind=KIND,
        digest=sha256(body),
        thread_id=thread_id,
        channel=channel,
        subject=f"thread:{thread_id}",
        body=body,
        people=people,
        expires_at=time.time() + seconds,
    )


# In slack/blocks/: the message, while it is open and afterwards.
def card(asked: Question) -> Card:
    """The message with the two buttons."""
    said: Mapping[str, str] = json.loads(asked.body)
    pressed = [question_blocks.button(asked, answer, said[answer].capitalize()) for answer in ("first", "second")]
    blocks = [context(said["words"]), actions(f"ask-{asked.id}", pressed)]
    return Card([asked], [messages.draft("card", blocks, said["words"], key=asked.id)])


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """The message once the question is closed."""
    [asked] = questions
    said: Mapping[str, str] = json.loads(asked.body)
    ends = {Decision.EXPIRED: "Nobody answered in time.", Decision.STOPPED: "Stopped."}
    how = ends[Decision(asked.decision)] if asked.decision in ends else f"Answered: {said[asked.decision]}."
    return {"text": how, "blocks": [context(f"{said['words']} {how}")]}


def install() -> None:
    """Have the bot know this kind."""
    register(AskPerson())
    question_blocks.REDRAW[KIND] = redrawn
