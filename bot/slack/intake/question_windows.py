"""Handles windows in which people enter an answer to a question of any kind. They are settled before they are
acknowledged."""

from __future__ import annotations

import logging

from bot.core.json_text import JsonObject
from bot.core.questions.click import Click, Verdict
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Approval
from bot.core.untrusted import mapping
from bot.pace import offload
from bot.slack.approval_handler import NOTHING, ApprovalHandler
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import forms, question_blocks, question_windows
from bot.slack.blocks.forms import Opened
from bot.slack.intake import replies
from bot.slack.intake.question_clicks import click_on, said, settle
from bot.slack.intake.response import WindowResponse, beside_fields

log = logging.getLogger(__name__)

UNVERIFIED = "I couldn't confirm with Slack who you are. Nothing was changed; send it again in a moment."


async def open_window(
    handler: ApprovalHandler, body: JsonObject, where: Opened, click: Click, view: JsonObject
) -> None:
    """Open the window that a kind of question has drawn for an answer."""
    name = question_blocks.action_id(click.kind, click.answer)
    await replies.show(handler.client, body, {**view, "callback_id": name, "private_metadata": forms.seal(where)})


async def submit(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Settle a submitted window. If it cannot be settled, the entered values stay visible."""
    view = mapping(body.get("view"))
    try:
        kind, answer = question_blocks.named(view.get("callback_id"))
        where, _ = forms.unseal(view)
        values = question_windows.values(view)
    except ValueError:
        log.warning("ignored a window whose content is not ours")
        return WindowResponse(NOTHING)
    question = await handler.store.find_question(where.approval)
    if question is None or isinstance(question, Approval):
        return WindowResponse(NOTHING)
    click = await click_on(asked, body, question, where, kind=kind, answer=answer, values=values)
    settlement = await settle(handler, click)
    match settlement.verdict:
        case Verdict.INVALID:
            size = sum(map(len, values.values())) + question.size
            problems = await offload(size, KINDS[kind].problems, settlement.question or question, click)
            return WindowResponse(errors=beside_fields(view, problems, question_windows.block_id))
        case Verdict.UNVERIFIED:
            return WindowResponse(errors=beside_fields(view, {"": UNVERIFIED}, question_windows.block_id))
        case verdict:
            return WindowResponse(said(asked, verdict, click.user))
