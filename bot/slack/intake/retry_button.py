"""Handles the Retry button of a failed turn or a parked thread: settled in one transaction before it is acknowledged,
then the thread is woken."""

from __future__ import annotations

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Decision
from bot.core.questions.retry import PASSED, RETRIED, RETRY, RETRY_TURN
from bot.slack.approval_handler import ApprovalHandler, origin_of, pressed_on, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import retry_notice
from bot.slack.intake.response import Response

WORDS = {
    Verdict.ALREADY: "I'm already trying this again. There is nothing more to do.",
    Verdict.NOT_YOURS: "Only the people who asked can have me try again. To ask something yourself, mention me "
    "in the thread.",
    Verdict.UNKNOWN: "This button is out of date, so nothing was done.",
}
OVER = {
    PASSED: "This thread has gone on since, so there is nothing left to retry. If you still need this, write it here.",
    Decision.EXPIRED: "It has been too long to retry this. If you still need it, write it here.",
}
"""What is said to somebody who comes too late, if it was not retried."""


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Settle a click."""
    try:
        key = retry_notice.opened(action.get("value"))
    except ValueError:
        return Response(WORDS[Verdict.UNKNOWN])
    where, user = pressed_on(body, (key, "")), user_of(body)
    question = await handler.store.find_question(key)
    origin = origin_of(body, org_wide=asked.org_wide)
    await asked.look_up(user)
    here = asked.acted_here(user, origin)
    if here is None:  # who takes part in the turn is known to the store, but not where they are
        here = origin == frozenset((handler.authorizer.team,))
    click = Click(
        question=key,
        digest="",
        answer=RETRIED,
        user=user,
        team=question.team if question is not None and here else "",
        channel=where.channel,
        message_ts=where.message_ts,
        entitled=True,  # who takes part in the turn is known to the store
        kind=question.kind if question is not None and question.kind == RETRY_TURN else RETRY,
    )
    [settlement] = await handler.store.answer([click])
    log_events.clicked(click.user, "retry", [settlement])
    if settlement.verdict is Verdict.SETTLED:
        handler.wake(settlement.thread_id)
    ended = settlement.question.decision if settlement.question is not None else ""
    if settlement.verdict is Verdict.ALREADY and ended in OVER:
        return Response(OVER[ended])
    return Response(WORDS.get(settlement.verdict, ""))
