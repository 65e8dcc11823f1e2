"""The question of the model to the person whose request it works on: the bot's own tool `ask_person`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.calls import OWN_SERVER, Call, CallOutcome, CallState
from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.questions.call_input import InputQuestion
from bot.core.questions.click import Click
from bot.core.questions.question import CallInput, Question
from bot.core.questions.transition import CallStep, Transition
from bot.core.tools import Tool
from bot.core.untrusted import count, items, mapping, parsed, text

ASK_PERSON = "ask_person"
"""The name of the tool, and of the kind."""
OTHER = "other"
"""The answer that is entered in a window."""
WRITTEN = "written"
"""How it is decided by a message in the thread."""
OPTIONS = ("first", "second", "third", "fourth")
"""The answers of the buttons."""
FIELD = "answer"
MAX_QUESTION, MAX_OPTION, MAX_ANSWER = 2_000, 75, 3_000
"""Characters."""

_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "minLength": 1, "maxLength": MAX_QUESTION, "description": "One question."},
        "options": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": MAX_OPTION},
            "minItems": 2,
            "maxItems": len(OPTIONS),
            "description": "Short answers to choose from. The person may always write another one.",
        },
    },
    "required": ["question"],
    "additionalProperties": False,
}
_DESCRIPTION = (
    "Ask the person whose request you are working on, and wait for the answer. Use it when you cannot go on well "
    "without a decision or a fact that only they have, not for what you can find out yourself. It is no way to get "
    "approval: calls that need one ask for it on their own. Never ask for passwords, keys or other secrets."
)
TOOL = Tool(
    name=ASK_PERSON,
    server=OWN_SERVER,
    remote_name=ASK_PERSON,
    description=_DESCRIPTION,
    schema=_SCHEMA,
    parameters=_SCHEMA,
    trusted=True,
    read_only=True,
    destructive=False,
    idempotent=True,
    digest=sha256(ASK_PERSON, _DESCRIPTION, canonical(_SCHEMA)),
    title="Ask a question",
)


def asks(call: Call) -> bool:
    """Return whether a call is one of this tool."""
    return call.server == OWN_SERVER and call.remote_name == ASK_PERSON


class AskPerson(InputQuestion):
    """What the model wants to know. The answer is the tool's result."""

    name = ASK_PERSON
    answers = frozenset({*OPTIONS, OTHER})

    def allows(self, question: Question, click: Click) -> bool:
        return click.answer == OTHER or click.answer in OPTIONS[: len(options(question))]

    def problems(self, question: Question, click: Click) -> Mapping[str, str]:
        entered = click.values.get(FIELD, "").strip()
        return {FIELD: "Please write an answer."} if click.answer == OTHER and not entered else {}

    def answered(self, question: Question, click: Click) -> Transition:
        written = click.values.get(FIELD, "").strip()
        chosen = written if click.answer == OTHER else options(question)[OPTIONS.index(click.answer)]
        return self.given(question, click.answer, click.user, chosen, chosen)

    def replaced(self, question: Question, by: str) -> Transition:
        return self.given(question, WRITTEN, by, "", _WRITTEN)

    def given(self, question: Question, decision: str, by: str, words: str, result: str) -> Transition:
        """Return what follows from an answer. words: for people. result: for the model."""
        answered = self.closed(question, decision, by=by, reason=words)
        return replace(answered, call=CallStep(CallState.FINISHED, CallOutcome.OK, result))


_WRITTEN = "The person answered by writing in the thread: read their message, which follows."


def asked(question: Question) -> str:
    """Return the question in the model's words."""
    return text(mapping(parsed(question.body)).get("question"))


def options(question: Question) -> Sequence[str]:
    """Return the answers that it offers."""
    return [each for each in items(mapping(parsed(question.body)).get("options")) if isinstance(each, str)]


def problem(arguments: Mapping[str, object]) -> str | None:
    """Return what is wrong with arguments that fit the schema; None if nothing is."""
    offered = [str(each).strip() for each in items(arguments.get("options"))]
    if not str(arguments.get("question")).strip() or not all(offered):
        return "the question and its options must not be blank."
    return None if len({each.casefold() for each in offered}) == len(offered) else "two of the options are the same."


def after(question: Question) -> int:
    """Return the newest message that was there when it was asked, by its id in the inbox: a later one answers it."""
    return count(mapping(parsed(question.body)).get("after"))


def question(
    id_: str, call: Call, thread: tuple[int, str], requester: str, expires_at: float, *, after: int
) -> CallInput:
    """Return the question of a call of the tool.

    id_: identifies it. thread: the id of the thread, and its channel. expires_at: Unix time in seconds. after: see
    `after`.
    """
    found = mapping(parsed(call.arguments))
    said = {"question": text(found.get("question")), "options": items(found.get("options")), "after": after}
    body = json.dumps(said, ensure_ascii=False)
    return CallInput(
        id=id_,
        kind=ASK_PERSON,
        digest=sha256(id_, body),
        thread_id=thread[0],
        channel=thread[1],
        body=body,
        requester=requester,
        expires_at=expires_at,
        call=call,
    )
