"""Settles answers to questions of any kind, whether given with a button or in a window."""

from __future__ import annotations

from collections.abc import Mapping

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.questions.click import Click, Settlement, Verdict
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Question
from bot.core.untrusted import items, mapping, reference
from bot.slack.approval_handler import NOTHING, STRANGER, UNVERIFIED, ApprovalHandler, team_of, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks.forms import Opened

WORDS = {
    Verdict.ALREADY: "This question is closed: it was answered, or it has expired. Nothing was changed.",
    Verdict.NOT_YOURS: "This question is for somebody else. Nothing was changed.",
    Verdict.UNVERIFIED: UNVERIFIED,
    Verdict.INVALID: "This is not a valid answer. Nothing was changed.",
    Verdict.UNKNOWN: NOTHING,
}


async def click_on(
    asked: AuthorizationCheck,
    body: JsonObject,
    question: Question,
    where: Opened,
    *,
    kind: str,
    answer: str,
    values: Mapping[str, str] | None = None,
) -> Click:
    """Return the click to settle, including whether the person may answer.

    where: the message that was clicked, and the digest of what it showed.
    """
    user = user_of(body)
    entitled, groups = await asked.member_of(user, question)
    return Click(
        question=question.id,
        digest=where.digest,
        answer=answer,
        user=user,
        team=team_of(asked, body, question.team),
        channel=where.channel,
        message_ts=where.message_ts,
        entitled=entitled,
        groups=groups,
        kind=kind,
        values=values or {},
        at=pressed_at(body),
    )


def pressed_at(body: JsonObject) -> str:
    """Return when a button, a menu or a shortcut was used, as a timestamp of Slack's; empty if Slack does not say, as
    for windows."""
    action = mapping(next(iter(items(body.get("actions"))), None))
    return reference(action.get("action_ts")) or reference(body.get("action_ts"))


async def settle(handler: ApprovalHandler, click: Click) -> Settlement:
    """Have the store decide a click, log it, and wake the threads that it concerns."""
    [settlement] = await handler.store.answer([click])
    log_events.clicked(click.user, f"{click.kind}.{click.answer}", [settlement])
    question = settlement.question
    for thread_id in KINDS[question.kind].threads(question) if question else ():
        handler.wake(thread_id)
    return settlement


def said(asked: AuthorizationCheck, verdict: Verdict, user: str) -> str:
    """Return the message to the person about a verdict; empty if the card shows the result."""
    if verdict is Verdict.NOT_YOURS and asked.stranger(user):
        return STRANGER
    words = WORDS.get(verdict, "")
    return asked.unknown(words) if verdict is Verdict.UNVERIFIED else words
