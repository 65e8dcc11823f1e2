"""Handles the windows of approval requests: changed arguments, a reason, a standing grant. They are settled before they
are acknowledged."""

from __future__ import annotations

import logging

from bot.core.json_text import JsonObject
from bot.core.questions.question import Decision
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import forms
from bot.slack.blocks.forms import Opened
from bot.slack.intake import review
from bot.slack.intake.approval_entries import Entry
from bot.slack.intake.response import WindowResponse

log = logging.getLogger(__name__)


async def edit(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Ask about the call again, with the changed arguments."""
    entry = Entry(handler, asked, body)
    words = await handler.settle(asked, _about(body), body, Decision.EDITED, button="edit", prepare=entry.arguments)
    if not words and entry.response == WindowResponse():
        handler.background(review.redraw_after_edit(handler, body))
    return WindowResponse(words) if words else entry.response


async def deny(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Deny the call, with the reason that was entered."""
    reason = forms.reason_given(body["view"])
    return WindowResponse(
        await handler.settle(asked, _about(body), body, Decision.DENIED, button="deny with a reason", reason=reason)
    )


async def always(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Approve the call, and keep the grant that was given with it."""
    entry = Entry(handler, asked, body)
    words = await handler.settle(asked, _about(body), body, Decision.APPROVED, button="always", prepare=entry.grant)
    return WindowResponse(words) if words else entry.response


def _about(body: JsonObject) -> list[Opened]:
    """Return the request from which the window was opened; an empty list if it is not ours."""
    try:
        opened, _ = forms.unseal(body["view"])
    except ValueError:
        log.warning("ignored a window whose content is not ours")
        return []
    return [opened]
