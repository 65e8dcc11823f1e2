"""The messages of all kinds of questions: which module draws which, and buttons that any kind may use. Pure."""

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
"""Draws the message of some questions as they stand now. In: the questions, and the payload that was posted."""


def _approvals(questions: Sequence[Question], payload: str) -> JsonObject:
    return cards.redrawn([question for question in questions if isinstance(question, Approval)])


def _retry(questions: Sequence[Question], payload: str) -> JsonObject:
    return retry_notice.retried(payload)


REDRAW: dict[str, Redraw] = {CallKind.MAY_IT_RUN: _approvals, CallKind.DID_IT_RUN: _approvals, RETRY: _retry}
"""By kind. The questions of one message are drawn by the module of the first."""


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """The message of these questions as they stand now: text and blocks for chat.update. A thread that was parked and
    retried before its message was recorded as a question has none."""
    return REDRAW[questions[0].kind if questions else RETRY](questions, payload)


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a button of a question says."""

    kind: str
    answer: str
    question: str
    digest: str


def button(question: Question, answer: str, label: str, *, style: str = "") -> Block:
    """A button that gives an answer; kind and answer are written in small letters and underscores."""
    carried = json.dumps({"q": question.id, "d": question.digest})
    return buttons.button(f"{PREFIX}{question.kind}.{answer}", label, carried, style=style)


def pressed(action: JsonObject) -> Pressed:
    """What was pressed. Raises ValueError when it is no button of ours."""
    named = _ACTION.fullmatch(reference(action.get("action_id")))
    content = buttons.parsed(str(action.get("value")))
    match content:
        case {"q": str(), "d": str()} if named is not None and len(content) == 2:
            return Pressed(named[1], named[2], content["q"], content["d"])
        case _:
            raise ValueError("not a button of ours")
