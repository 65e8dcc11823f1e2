"""The question of a tool server that needs something from the person whose request it works on. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of

from bot.core import exchange
from bot.core.calls import UNANSWERED, Call, CallOutcome, CallState
from bot.core.exchange import ACCEPT, CANCEL, DECLINE, FORM, InputRequest
from bot.core.json_text import JsonObject, sha256
from bot.core.questions import form_fields
from bot.core.questions.call_input import InputQuestion
from bot.core.questions.click import Click
from bot.core.questions.form_fields import FormField, UnsupportedFormError
from bot.core.questions.kind import UNKNOWN
from bot.core.questions.question import CallInput, Question
from bot.core.questions.transition import CallStep, Transition
from bot.core.untrusted import mapping, parsed, text

ELICITATION = "elicitation"

_CALL = re.compile(r"call:([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is about."""

    server: str
    """The key of the server in the configuration."""
    request: InputRequest
    discreet: bool = False
    """Whether only the window shows what the server says, since the thread must not show arguments."""


class Elicitation(InputQuestion):
    """Asks for what a server needs. An answer of any kind goes to the server."""

    name = ELICITATION
    answers = frozenset({ACCEPT, DECLINE, CANCEL})

    def problems(self, question: Question, click: Click) -> Mapping[str, str]:
        if click.answer != ACCEPT:
            return {}
        return form_fields.read(fields(question), click.values)[1]

    def answered(self, question: Question, click: Click) -> Transition:
        """Return what follows. What was entered is kept with the call, and goes once that has ended."""
        request = asked(question).request
        answer: JsonObject = {"action": click.answer}
        if click.answer == ACCEPT and request.mode == FORM:
            answer["content"] = form_fields.read(fields(question), click.values)[0]
        closed = self.closed(question, click.answer, by=click.user)
        if isinstance(question, CallInput):
            there = exchange.loads(question.call.exchange).answered(request.key, answer)
            if there.repeats and there.refused:
                return replace(closed, call=CallStep(CallState.FINISHED, CallOutcome.ERROR, _NOT_OPENED))
            state = CallState.READY if there.open is None else CallState.AWAITING
            return replace(closed, call=CallStep(state, exchange=there.dumps()))
        found = _CALL.fullmatch(question.subject)
        if found is None:
            return UNKNOWN
        told = exchange.Exchange((request,), live=question.id).answered(request.key, answer)
        return replace(closed, told=(int(found[1]), told.dumps()))

    def replaced(self, question: Question, by: str) -> Transition:
        closed = self.closed(question, CANCEL, by=by)
        step = CallStep(CallState.FINISHED, CallOutcome.ERROR, _INSTEAD)
        return replace(closed, call=step) if isinstance(question, CallInput) else closed


_NOT_OPENED = f"{UNANSWERED}the person did not open the page without which the tool server does not go on."
_INSTEAD = f"{UNANSWERED}the person wants something else instead, which they have written in the thread."


def asked(question: Question) -> Asked:
    """Return what a question is about."""
    found = mapping(parsed(question.body))
    request = exchange.request_of(found.get("request"))
    return Asked(text(found.get("server")), request, found.get("discreet") is True)


def fields(question: Question) -> list[FormField]:
    """Return the fields of its form; none if it has none."""
    request = asked(question).request
    try:
        return list(form_fields.fields_of(request.schema)) if request.mode == FORM else []
    except UnsupportedFormError:
        return []


def question(
    id_: str,
    call: Call,
    request: InputRequest,
    thread: tuple[int, str],
    *,
    requester: str,
    expires_at: float,
    live: bool = False,
    discreet: bool = False,
) -> Question:
    """Return the question for what a server asks for.

    Args:
        id_: the unique id of the question, which nobody can guess.
        call: the call that the server works on.
        request: what it asks for.
        thread: the id of the thread, and its channel.
        requester: whose call it is: nobody else may answer.
        expires_at: Unix time in seconds.
        live: the server asks over an open connection, while the call runs.
        discreet: see `Asked`.
    """
    body = json.dumps({"server": call.server, "request": request.dumps(), "discreet": discreet}, ensure_ascii=False)
    made = Question(
        id=id_,
        kind=ELICITATION,
        digest=sha256(id_, body),
        thread_id=thread[0],
        channel=thread[1],
        subject=f"call:{call.id}",
        body=body,
        requester=requester,
        expires_at=expires_at,
    )
    # One about a call that runs is not counted among what calls wait for, so that after a crash the call is looked at.
    return made if live else CallInput(**{each.name: getattr(made, each.name) for each in fields_of(made)}, call=call)
