"""Builds the message that offers to answer what was written while the bot was offline. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.json_text import JsonObject
from bot.core.questions.missed import ANSWER, TAKEN_BACK, TAKEN_UP
from bot.core.questions.question import Card, Question
from bot.slack.blocks import messages
from bot.slack.blocks.elements import Block, actions, context

WORDS = "You wrote while I was offline. Should I still answer?"
_ENDS = {
    ANSWER: "You wrote while I was offline. The answer is below.",
    TAKEN_UP: "You wrote while I was offline. I read it together with what you wrote since.",
    TAKEN_BACK: "You wrote while I was offline, and have withdrawn it since.",
}
_CLOSED = "You wrote while I was offline."


def card(asked: Question, button: Block) -> Card:
    """Return the message with the button that answers it."""
    blocks = [context(WORDS), actions(asked.id, [button])]
    return Card([asked], [messages.draft("card", blocks, WORDS, key=asked.id)])


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return the message without the button, once the question is decided."""
    words = _ENDS.get(questions[0].decision, _CLOSED)
    return {"text": words, "blocks": [context(words)]}
