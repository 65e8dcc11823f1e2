"""Dispatches button clicks. One listener serves all kinds of questions; the action id selects the handler, which
settles the click before it is acknowledged."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, reference
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import (
    buttons,
    details,
    ledger,
    prompt_window,
    question_blocks,
    retry_notice,
    review_window,
    turn_menu,
)
from bot.slack.intake import (
    approval_buttons,
    ledger_buttons,
    prompts,
    question_buttons,
    replies,
    retry_button,
    review,
    turn_buttons,
)
from bot.slack.intake.response import Response

log = logging.getLogger(__name__)

Press = Callable[[ApprovalHandler, AuthorizationCheck, JsonObject, JsonObject], Awaitable[Response]]
"""Handles a click. In: what the listeners share, the lookups of this click, the payload, and the action in it. Raises
ValueError if the button is not one of ours."""

BUTTONS: dict[str, Press] = {
    buttons.PREFIX: approval_buttons.press,
    retry_notice.RETRY: retry_button.press,
    question_blocks.PREFIX: question_buttons.press,
    turn_menu.PREFIX: turn_buttons.press,
    ledger.PREFIX: ledger_buttons.press,
    review_window.PREFIX: review.on_button,
    prompt_window.CHOOSE: prompts.choose,
}
"""Handlers by the prefix of the action id. A kind whose buttons do more than give an answer has its own entry."""
ANYTHING = re.compile(".*", re.DOTALL)
NOT_OURS = "This button is not one of mine, so nothing was done."


def register(app: AsyncApp, handler: ApprovalHandler) -> None:
    """Listen to all buttons. Anything else that is pressed or typed is only acknowledged."""

    async def on_button(ack: AsyncAck, body: dict[str, Any]) -> None:
        asked = handler.authorizer.begin_check()
        action = mapping(next(iter(items(body.get("actions"))), None))
        name = reference(action.get("action_id"))
        press = next((press for prefix, press in BUTTONS.items() if name.startswith(prefix)), None)
        if press is None:
            await ack()
            return
        try:
            response = await press(handler, asked, body, action)
        except ValueError:
            log.warning("ignored a button whose value is not ours: %r", str(action.get("value"))[:200])
            response = Response(NOT_OURS)
        await ack()
        if response.work is not None:
            handler.background(response.work)
        if response.words:
            handler.background(replies.send(handler.client, body, response.words))

    async def on_page(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        handler.background(approval_buttons.turn_page(handler, body))

    async def on_anything(ack: AsyncAck) -> None:
        await ack()

    async def on_event() -> None:
        return

    app.action(details.PAGE)(on_page)
    app.action(ANYTHING)(on_button)
    app.command(ANYTHING)(on_anything)
    app.shortcut(ANYTHING)(on_anything)
    app.options(ANYTHING)(on_anything)
    app.event(ANYTHING)(on_event)
