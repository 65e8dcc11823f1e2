"""Maps each kind of question to the module that draws it, and provides buttons for any kind. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval, CallKind, Question
from bot.core.questions.retry import RETRY
from bot.core.untrusted import reference
from bot.slack.blocks import buttons, cards, retry_notice
from bot.slack.blocks.elements import Block

PREFIX = "question."
_ACTION = re.compile(re.escape(PREFIX) + r"([a-z_]+)\.([a-z_]+)")

Redraw = Callable[[Sequence[Question], str], JsonObject]
"""Draws a message with the current state of its questions. In: the questions, and the posted payload."""


def _approvals(questions: Sequence[Question], payload: str) -> JsonObject:
    return cards.redrawn([question for question in questions if isinstance(question, Approval)])


def _retry(questions: Sequence[Question], payload: str) -> JsonObject:
    return retry_notice.retried(payload)


REDRAW: dict[str, Redraw] = {CallKind.MAY_IT_RUN: _approvals, CallKind.DID_IT_RUN: _approvals, RETRY: _retry}
"""By kind. The first question of a message determines the module."""


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return the message with the current state of its questions: text and blocks for chat.update. There are no
    questions for a thread that was parked and retried by a version that did not record its message as a question."""
    return REDRAW[questions[0].kind if questions else RETRY](questions, payload)


@dataclass(frozen=True, slots=True)
class Pressed:
    """The content of a button of a question."""

    kind: str
    answer: str
    question: str
    digest: str


def button(question: Question, answer: str, label: str, *, style: str = "") -> Block:
    """Return a button that gives an answer. Kind and answer consist of lowercase letters and underscores."""
    carried = json.dumps({"q": question.id, "d": question.digest})
    return buttons.button(f"{PREFIX}{question.kind}.{answer}", label, carried, style=style)


def pressed(action: JsonObject) -> Pressed:
    """Parse a pressed button. Raises ValueError if it is not one of ours."""
    named = _ACTION.fullmatch(reference(action.get("action_id")))
    content = buttons.parsed(str(action.get("value")))
    match content:
        case {"q": str(), "d": str()} if named is not None and len(content) == 2:
            return Pressed(named[1], named[2], content["q"], content["d"])
        case _:
            raise ValueError("not a button of ours")
