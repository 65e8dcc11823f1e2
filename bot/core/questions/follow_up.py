"""Shall what waits for a decision be denied, since its requester has written what to do instead? Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.json_text import sha256
from bot.core.questions.click import Click
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import REQUESTER, Approval, Question
from bot.core.questions.transition import Instead, Said, Transition
from bot.core.server_offers import PromptRef
from bot.core.tool_words import is_shown_in_short, one_line
from bot.core.untrusted import items, mapping, parsed, text

FOLLOW_UP = "follow_up"
INSTEAD = "instead"
"""The answer that denies what waits."""
WAIT = "wait"
"""The answer that leaves everything as it is; another message opens the question again."""
OVER = "over"
"""How it is decided once nothing waits any more, or the messages are gone."""
OPEN = ("awaiting", WAIT)
"""The states in which it is shown: the requests that it is about wait."""
MAX_ARGUMENTS = 3
"""Arguments of a prompt that are shown."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What the requester of a turn has written while a step waits."""

    seq: int
    """The position of the step's assistant message in the log."""
    requester: str
    said: Sequence[Said]
    """All that is unread; empty if nothing is left of it."""


class DoInstead(QuestionKind):
    """Whether the open requests of a step are denied with what their requester has written."""

    name = FOLLOW_UP
    answers = frozenset({INSTEAD, WAIT})
    audited = False
    listed = False

    def answered(self, question: Question, click: Click) -> Transition:
        """Return what follows. What the denied requests become is recorded with them."""
        answered = self.closed(question, click.answer, by=click.user)
        return replace(answered, instead=Instead(said(question))) if click.answer == INSTEAD else answered

    def remind_before(self, usual: float) -> float:
        return 0.0


def said(question: Question) -> tuple[Said, ...]:
    """Return the messages that a question is about."""
    found: list[Said] = []
    for each in items(mapping(parsed(question.body)).get("said")):
        match each:
            case [int() as id_, str() as version, str() as words, str() as quoted, *strong]:
                found.append(Said(id_, version, words, quoted, tuple(map(text, strong))))
            case _:
                pass
    return tuple(found)


def body(messages: Sequence[Said]) -> str:
    """Return what a question keeps of these messages."""
    kept = [[each.id, each.version, each.words, each.quoted, *each.strong] for each in messages]
    return json.dumps({"said": kept}, ensure_ascii=False)


def of_prompt(prompt: PromptRef) -> tuple[str, tuple[str, ...]]:
    """Return in a sentence that somebody has used a prompt of a server, and what stands out in it."""
    title, server = one_line(prompt.title) or one_line(prompt.name) or "without a name", one_line(prompt.server)
    shown = [
        f"{one_line(name)}: {one_line(value)}"
        for name, value in prompt.arguments.items()
        if is_shown_in_short(name, value)
    ][:MAX_ARGUMENTS]
    given = f" ({', '.join(shown)})" if shown else ""
    return f"Used the prompt {title} of {server}{given}.", (title, server)


def question_id(thread_id: int, seq: int) -> str:
    """Return the id of the question about a step: there is one at most."""
    return f"{FOLLOW_UP}-{thread_id}-{seq}"


def deciders(approvals: Sequence[Approval]) -> tuple[str, ...]:
    """Return who may answer: the requester, and whoever may decide all of these requests."""
    first, *others = approvals
    everywhere = [who for who in first.people if all(who in each.people for each in others)]
    return tuple(dict.fromkeys((REQUESTER, *everywhere)))


def question(thread_id: int, follow_up: FollowUp, people: Sequence[str]) -> Question:
    """Return the question. people: who may answer."""
    id_ = question_id(thread_id, follow_up.seq)
    return Question(
        id=id_,
        kind=FOLLOW_UP,
        # Of the step alone: a click on the notice counts for the newest messages, and can only deny.
        digest=sha256(id_),
        thread_id=thread_id,
        channel="",
        subject=f"thread:{thread_id}",
        body=body(follow_up.said),
        requester=follow_up.requester,
        people=tuple(people),
        expires_at=float("inf"),
    )
