"""Windows of requests about calls: changed arguments, a reason, a standing grant. Settled before the ack."""

from __future__ import annotations

import logging

from bot.core.json_text import JsonObject
from bot.core.questions.question import Decision
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import forms
from bot.slack.blocks.forms import Opened
from bot.slack.intake.approval_entries import Entry
from bot.slack.intake.response import WindowResponse

log = logging.getLogger(__name__)


async def edit(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Ask about the call again, with the arguments as the person changed them."""
    entry = Entry(handler, asked, body)
    words = await handler.settle(asked, _about(body), body, Decision.EDITED, button="edit", prepare=entry.arguments)
    return WindowResponse(words) if words else entry.response


async def deny(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Deny the call for the reason that the person gave."""
    reason = forms.reason_given(body["view"])
    return WindowResponse(
        await handler.settle(asked, _about(body), body, Decision.DENIED, button="deny with a reason", reason=reason)
    )


async def always(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Approve the call, and keep the grant that the person gave with it."""
    entry = Entry(handler, asked, body)
    words = await handler.settle(asked, _about(body), body, Decision.APPROVED, button="always", prepare=entry.grant)
    return WindowResponse(words) if words else entry.response


def _about(body: JsonObject) -> list[Opened]:
    """Return the request that the window was opened from; nothing if it is none of ours."""
    try:
        opened, _ = forms.unseal(body["view"])
    except ValueError:
        log.warning("a window with contents that are not ours")
        return []
    return [opened]
