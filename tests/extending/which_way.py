"""A kind of question that the bot does not have: which way to go. What a new kind needs, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.posts import Draft
from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.kinds import register
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.transition import Transition
from bot.slack.blocks import messages, question_blocks, question_windows
from bot.slack.blocks.elements import actions, context, remark
from bot.slack.blocks.question_blocks import Appearance
from bot.slack.text import escaped

KIND = "which_way"


# In core/: the rules.
class WhichWay(QuestionKind):
    """Which way to go: one of two, or another one. The model reads the answer at its next turn."""

    name = KIND
    answers = frozenset({"first", "second", "other"})

    def problems(self, question: Question, click: Click) -> Mapping[str, str]:
        entered = click.values.get("way", "")
        short = click.answer == "other" and len(entered.split()) < 2
        return {"way": "Use at least two words, such as “the bridge”."} if short else {}

    def answered(self, question: Question, click: Click) -> Transition:
        chosen = click.values["way"] if click.answer == "other" else json.loads(question.body)[click.answer]
        answered = self.closed(question, click.answer, by=click.user, reason=chosen)
        return replace(answered, note=f"The answer to {question.id} is: {chosen}.")

    def remind_before(self, usual: float) -> float:
        return min(usual, 600.0)


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
    """The message with the buttons. The last of them opens a window."""
    said: Mapping[str, str] = json.loads(asked.body)
    pressed = [question_blocks.button(asked, answer, said[answer].capitalize()) for answer in ("first", "second")]
    pressed.append(question_blocks.button(asked, "other", "Another way…"))
    blocks = [context(said["words"]), actions(f"ask-{asked.id}", pressed)]
    return Card([asked], [messages.draft("card", blocks, said["words"], key=asked.id)])


def window(asked: Question, answer: str) -> JsonObject | None:
    """The window of the button “Another way…”; the others give their answer themselves."""
    if answer != "other":
        return None
    return question_windows.window("Another way", [question_windows.text_field("way", "Which one?")])


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """The message once the question is closed."""
    [asked] = questions
    said: Mapping[str, str] = json.loads(asked.body)
    ends: Mapping[str, str] = {
        Decision.EXPIRED: "Nobody answered in time.",
        Decision.STOPPED: "Stopped.",
        Decision.WITHDRAWN: "Nobody could answer.",
    }
    how = ends.get(asked.decision, f"Answered: {asked.reason}.")
    return {"text": escaped(how), "blocks": [remark(f"{said['words']} {how}")]}


def reminder(asked: Question) -> Draft:
    """What is posted ten minutes before the time is over."""
    return messages.reminder(asked, "I still do not know which way to go")


def install() -> None:
    """Have the bot know this kind."""
    register(WhichWay())
    question_blocks.APPEARANCES[KIND] = Appearance(redrawn, window, reminder)
