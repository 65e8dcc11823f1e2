"""Builds the message with which the model asks a person, and the window for an answer in one's own words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.json_text import JsonObject
from bot.core.questions import ask_person
from bot.core.questions.ask_person import FIELD, MAX_ANSWER, OPTIONS, OTHER, WRITTEN
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.unanswerable import for_people
from bot.slack.blocks import messages, question_windows
from bot.slack.blocks.elements import (
    CHUNK,
    Block,
    actions,
    context,
    date,
    fitting,
    one_line,
    person,
    plain,
    quote,
    remark,
    rich,
    section,
)
from bot.slack.text import brief, escaped, harmless

Button = Callable[..., Block]
SHOWN = 1_000
"""Characters of an answer in the message."""


def card(question: Question, button: Button) -> Card:
    """Return the message: the question, a button for each answer that it offers, and one for another."""
    words = _asked(question)
    offered = ask_person.options(question)
    pressed = [button(question, answer, one_line(label, 74)) for answer, label in zip(OPTIONS, offered, strict=False)]
    pressed.append(button(question, OTHER, "Something else…") if offered else button(question, OTHER, "Answer…"))
    until = f" · until {date(question.expires_at)}" if question.expires_at < float("inf") else ""
    blocks = [
        rich(section(person(question.requester), plain(f" {words}"))),
        actions(question.id, pressed),
        context(f"{'Choose one, or answer' if offered else 'You can also answer'} here in the thread{until}"),
    ]
    return Card([question], [messages.draft("card", blocks, words, key=question.id)])


def window(question: Question, answer: str) -> JsonObject | None:
    """Return the window for an answer in one's own words; None for the other buttons."""
    if answer != OTHER:
        return None
    field = question_windows.text_field(FIELD, "Your answer", multiline=True, longest=MAX_ANSWER)
    asked = rich(quote(_asked(question)))
    return question_windows.window("Answer", [asked, field, remark("Please don't enter passwords or keys.")])


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return the message once the question is closed."""
    [question] = questions
    words = _asked(question)
    text = escaped(harmless(brief(words)))
    ends: dict[str, str] = {
        Decision.EXPIRED: "Nobody answered in time, so I went on without an answer.",
        Decision.STOPPED: "Stopped.",
        Decision.WITHDRAWN: for_people(question.reason) or "This question is closed.",
        WRITTEN: "Answered in the thread.",
    }
    shown: list[Block] = [section(plain(words))]
    if question.decision in ends:
        return {"text": text, "blocks": [rich(*shown), remark(ends[question.decision])]}
    answer, covered = fitting(question.reason, SHOWN)
    shown.append(quote(f"{answer}{'…' if covered < len(question.reason) else ''}"))
    return {"text": text, "blocks": [rich(*shown), context(f"✅ Answered by <@{question.decided_by}>")]}


def _asked(question: Question) -> str:
    """Return the question with every character visible. Spelled out, a few thousand of them would not fit."""
    asked = ask_person.asked(question)
    words, covered = fitting(asked, CHUNK)
    return words if covered == len(asked) else f"{words}…"


def summary(question: Question) -> str:
    """Return the question in one plain sentence, for a list."""
    return f"I have a question: {one_line(ask_person.asked(question), 200)}"
