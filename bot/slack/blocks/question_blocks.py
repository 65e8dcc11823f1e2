"""The messages of all kinds of questions: what each kind looks like, and buttons that any kind may use. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.core.questions import granted
from bot.core.questions.ask_person import ASK_PERSON
from bot.core.questions.budget import BUDGET
from bot.core.questions.elicitation import ELICITATION
from bot.core.questions.follow_up import FOLLOW_UP
from bot.core.questions.kinds import KINDS
from bot.core.questions.missed import MISSED
from bot.core.questions.question import REQUESTER, Approval, CallKind, Card, Decision, Question
from bot.core.questions.retry import RETRY, RETRY_TURN
from bot.core.questions.sign_in import SIGN_IN
from bot.core.turn_message import loads
from bot.core.untrusted import reference
from bot.slack.blocks import (
    budget_notice,
    buttons,
    cards,
    elicitation_card,
    follow_up_notice,
    messages,
    missed_offer,
    person_question,
    retry_notice,
    sign_in_notice,
    turn_message,
)
from bot.slack.blocks.elements import Block, context
from bot.slack.blocks.moments import in_utc

PREFIX = "question."
_ACTION = re.compile(re.escape(PREFIX) + r"([a-z_]+)\.([a-z_]+)")

Redraw = Callable[[Sequence[Question], str], JsonObject]
"""Returns the current message of some questions. In: the questions, and the payload that was posted."""
Window = Callable[[Question, str], JsonObject | None]
"""Returns the window in which an answer is entered, made with `question_windows.window`; None if the button gives the
answer itself. In: the question, and the answer of the button."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """How one kind of question is shown."""

    redraw: Redraw
    window: Window | None = None
    """None if every button gives its answer directly."""
    reminder: Callable[[Question], Draft] = messages.reminder
    """What is posted before it expires; `QuestionKind.remind_before` says when."""
    draws_open: bool = False
    """Whether `redraw` also renders open questions. Otherwise these stay as they were posted."""
    copy: Callable[[Sequence[Question]], JsonObject] | None = None
    """What a person reads in a direct message in place of the message of the thread; None for the same."""


def _approvals(questions: Sequence[Question], payload: str) -> JsonObject:
    return cards.redrawn([question for question in questions if isinstance(question, Approval)])


def _retry(questions: Sequence[Question], payload: str) -> JsonObject:
    return retry_notice.closed(payload, retried=not questions or questions[0].decision != Decision.WITHDRAWN)


def _of_turn(questions: Sequence[Question], payload: str) -> JsonObject:
    message = loads(payload)
    return turn_message.render(message, questions) or {"text": in_utc(message.note), "blocks": []}


APPEARANCES: dict[str, Appearance] = {
    CallKind.MAY_IT_RUN: Appearance(_approvals, draws_open=True),
    CallKind.DID_IT_RUN: Appearance(_approvals, draws_open=True),
    granted.GRANTED: Appearance(_of_turn),
    RETRY: Appearance(_retry),
    RETRY_TURN: Appearance(_of_turn, draws_open=True),
    MISSED: Appearance(missed_offer.redrawn),
    BUDGET: Appearance(budget_notice.redrawn),
    ASK_PERSON: Appearance(person_question.redrawn, person_question.window),
    ELICITATION: Appearance(elicitation_card.redrawn, elicitation_card.window),
    SIGN_IN: Appearance(
        lambda questions, payload: sign_in_notice.redrawn(questions, payload, button),
        sign_in_notice.window,
        draws_open=True,
        copy=lambda questions: sign_in_notice.private(questions, button),
    ),
    FOLLOW_UP: Appearance(lambda questions, _: follow_up_notice.redrawn(questions, button), draws_open=True),
}
"""By kind. The first question of a message determines how all of them are rendered."""


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return the current message of these questions: text and blocks for chat.update. A thread that was parked and
    retried before its message was recorded as a question has none."""
    appearance = APPEARANCES[questions[0].kind if questions else RETRY]
    is_open = any(question.decision == Decision.AWAITING for question in questions)
    if is_open and not appearance.draws_open:
        posted: JsonObject = json.loads(payload)
        return posted
    return appearance.redraw(questions, payload)


def input_card(question: Question) -> Card:
    """Return the message that asks a person for what a call waits for."""
    made = person_question.card if question.kind == ASK_PERSON else elicitation_card.card
    return made(question, button)


def copied(post: Post) -> JsonObject:
    """Return a copy of a card in its current state, for a person who does not see its thread."""
    kept: JsonObject = json.loads(post.payload)
    shown = [question for question in post.about if question.id in kept["about"]]
    where = f" in <#{kept['channel']}>" if kept["channel"] else " in a direct message with me"
    calls = {question.call.id for question in shown if isinstance(question, Approval)}
    if calls:
        # With the versions that have taken the place of those that the copy was about.
        approvals = [each for each in post.about if isinstance(each, Approval) and each.call.id in calls]
        return cards.copied(approvals, where)
    own = APPEARANCES[shown[0].kind].copy if shown else None
    if own is not None:
        return own(shown)
    body = redrawn(shown, post.card)
    words = f"This is{where}. I ask you here because you may answer it."
    return {"text": body["text"], "blocks": [context(words), *body["blocks"]]}


def reminders(question: Question) -> tuple[list[Draft], list[tuple[str, Draft]]]:
    """Return the reminders of an open question that is about to expire: what is posted below it, and (person, message)
    for those who see it in a direct message."""
    remind = APPEARANCES[question.kind].reminder
    asked = [copy.person for copy in question.copies if not copy.refused]
    direct = [who for who in asked if who not in question.votes]
    people = KINDS[question.kind].people(question)
    others = tuple(who for who in people if (question.requester if who == REQUESTER else who) not in asked)
    below = [remind(replace(question, people=others) if asked else question)] if others or not asked else []
    drafts = [(who, remind(replace(question, people=(who,)))) for who in direct]
    return below, [(who, replace(draft, key=f"{draft.key}-{who}")) for who, draft in drafts]


def window(question: Question, kind: str, answer: str) -> JsonObject | None:
    """Return the window in which an answer is entered; None if the button gives the answer itself."""
    appearance = APPEARANCES.get(kind)
    return appearance.window(question, answer) if appearance and appearance.window else None


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
    return buttons.button(action_id(question.kind, answer), label, carried, style=style)


def action_id(kind: str, answer: str) -> str:
    """Return the id of the button that gives an answer, and of the window in which it is entered."""
    return f"{PREFIX}{kind}.{answer}"


def named(action: object) -> tuple[str, str]:
    """Return the kind and the answer in an action id. Raises ValueError if it is not one of ours."""
    found = _ACTION.fullmatch(reference(action))
    if found is None:
        raise ValueError("not an id of ours")
    return found[1], found[2]


def pressed(action: JsonObject) -> Pressed:
    """Return which button was pressed. Raises ValueError if it is not one of ours."""
    kind, answer = named(action.get("action_id"))
    content = buttons.parsed(str(action.get("value")))
    match content:
        case {"q": str(), "d": str()} if len(content) == 2:
            return Pressed(kind, answer, content["q"], content["d"])
        case _:
            raise ValueError("not a button of ours")
