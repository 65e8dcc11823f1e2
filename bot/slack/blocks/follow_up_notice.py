"""Builds the notice about what the requester writes while a request waits for a decision. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.json_text import JsonObject
from bot.core.posts import Draft
from bot.core.questions import follow_up
from bot.core.questions.follow_up import INSTEAD, WAIT
from bot.core.questions.question import Decision, Question
from bot.core.questions.transition import Said
from bot.slack.blocks import messages
from bot.slack.blocks.elements import Block, actions, bold, context, plain, quote, rich, section, sentence

WAITING = "I'm waiting for the decision above."
KEPT = "I'll read this once the request above is decided."
OVER = "This was about a request that is decided."
IN_WRITING = "Please use {button} above: I can't take approvals in writing."
Button = Callable[[Question, str, str], Block]
"""Returns the button that gives an answer. In: the question, the answer, and the label."""
MAX_WORDS = 300
"""Characters of what was written that are shown."""


def render(questions: Sequence[Question], button: Button) -> JsonObject | None:
    """Return the notice as it is now; None once it is about nothing any more."""
    question = questions[-1] if questions else None
    if question is None or question.decision not in follow_up.OPEN:
        return None
    said = follow_up.said(question)
    newest = quote(*_words(said[-1])) if said and said[-1].words.strip() else None
    is_open = question.decision == Decision.AWAITING
    words = WAITING if is_open else KEPT
    blocks = [rich(section(plain(words)), *([newest] if newest else []))]
    if is_open:
        instead = button(question, INSTEAD, "Deny and do this instead")
        blocks.append(actions(question.id, [instead, button(question, WAIT, "Keep waiting")]))
    return {"text": words, "blocks": blocks}


def _words(said: Said) -> Sequence[Block]:
    """Return what was written, with what stands out in bold."""
    left, found = sentence(said.words, MAX_WORDS), list[Block]()
    for name in said.strong:
        before, there, after = left.partition(name) if name else ("", "", "")
        if there:
            found += [*([plain(before)] if before else []), bold(name)]
            left = after
    return [*found, plain(left)] if left or not found else found


def redrawn(questions: Sequence[Question], button: Button) -> JsonObject:
    """Return the notice for places that cannot do without one."""
    return render(questions, button) or {"text": OVER, "blocks": [context(OVER)]}


def in_writing(key: str, *, approve: bool) -> Draft:
    """Return that only the buttons of a request count. approve: there is one to approve with."""
    shown, said = ("*Approve*", "Approve") if approve else ("the buttons", "the buttons")
    return messages.draft("notice", [context(IN_WRITING.format(button=shown))], IN_WRITING.format(button=said), key)
