"""Builds the message that asks operators whether more may be spent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.budget import Budget, Standing, about, money, whose
from bot.core.json_text import JsonObject
from bot.core.questions.budget import ALLOWED, REFUSED, asked
from bot.core.questions.question import Card, Decision, Question
from bot.slack.blocks import messages
from bot.slack.blocks.elements import Block, actions, context, date, mention, mentions

Button = Callable[..., Block]


def card(question: Question, standing: Standing, button: Button) -> Card:
    """Return the message, with buttons to allow more or not."""
    spent = f" ({about(standing.sum)} so far)" if standing.sum.cost > standing.limit else ""
    shown, plain = _words(question), _words(question, plain=True)
    more = money(asked(question).more)
    offer = f"Allow {more} more?"
    blocks: list[Block] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{shown}*{spent} {offer}"}},
        actions(
            question.id,
            [
                button(question, ALLOWED, f"Allow {more} more", style="primary"),
                button(question, REFUSED, "Don't allow"),
            ],
        ),
        context(f"Waiting for {mentions(question.people, last=' or ')} · until {date(question.expires_at)}"),
    ]
    return Card([question], [messages.draft("card", blocks, f"{plain} {offer}", key=question.id)])


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return the message without the buttons, once the question is decided."""
    question = questions[0]
    by, more = mention(question.decided_by) if question.decided_by else "Somebody", money(asked(question).more)
    match question.decision:
        case "allowed":
            end = f"✅ {by} allowed {more} more"
        case "refused":
            end = f"{by} did not allow more"
        case Decision.EXPIRED:
            end = "Nobody decided in time"
        case Decision.STOPPED:
            end = "Stopped"
        case _:
            end = "Closed without a decision"
    return {"text": f"{_words(question, plain=True)}", "blocks": [context(f"{_words(question)} {end}.")]}


def _words(question: Question, *, plain: bool = False) -> str:
    found = asked(question)
    person = "Somebody's" if plain or not found.person else f"{mention(found.person)}'s"
    return f"{whose(found.budget, person)} ({money(found.limit)}) is used up."


def summary(question: Question) -> str:
    """Return the question in one plain sentence, for a list."""
    found = asked(question)
    person = "A person's" if found.budget is Budget.PERSON_DAY else ""
    return f"{whose(found.budget, person)} is used up. Shall {money(found.more)} more be allowed?"
