"""The button of a parked thread: checked and settled in one transaction before its ack, then the thread is woken."""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.core.questions import Retry, Verdict
from bot.core.untrusted import items, mapping
from bot.slack.approval_handler import ApprovalHandler, pressed_on, team_of, user_of
from bot.slack.blocks import retry_notice

log = logging.getLogger(__name__)

WORDS = {
    Verdict.ALREADY: "I have taken this up again already; there is nothing more to do. Nothing was changed.",
    Verdict.NOT_YOURS: "Only those whose request I am stuck on can have me try again. Nothing was changed: "
    "mention me in the thread if you want to ask something too.",
    Verdict.UNKNOWN: "I know nothing of mine that waits behind this button, so nothing was done.",
}


def register(app: AsyncApp, handler: ApprovalHandler) -> None:
    """Listen to Retry. To be called before the listener that takes whatever else is pressed."""

    async def on_retry(ack: AsyncAck, body: dict[str, Any]) -> None:
        verdict = await _retry(handler, body)
        await ack()
        if words := WORDS.get(verdict):
            handler.background(handler.tell(body, words))

    app.action(retry_notice.RETRY)(on_retry)


async def _retry(handler: ApprovalHandler, body: dict[str, Any]) -> Verdict:
    action = next(iter(items(body.get("actions"))), None)
    try:
        key = retry_notice.opened(mapping(action).get("value"))
    except ValueError:
        return Verdict.UNKNOWN
    where = pressed_on(body, (key, ""))
    settlement = await handler.store.retry(Retry(key, user_of(body), team_of(body), where.channel, where.message_ts))
    log.info("thread %s: %s: retry: %s", settlement.thread_id, user_of(body), settlement.verdict)
    if settlement.verdict is Verdict.SETTLED:
        handler.wake(settlement.thread_id)
    return settlement.verdict
