"""Handles the window in which a person pastes the address to which their browser was sent after signing in. Nothing of
it is logged: it contains a code."""

from __future__ import annotations

import time

from bot.core.json_text import JsonObject
from bot.core.questions.click import Verdict
from bot.core.questions.decide import refusal
from bot.core.questions.question import Approval
from bot.core.questions.sign_in import SIGN_IN
from bot.core.untrusted import mapping
from bot.slack.approval_handler import NOTHING, ApprovalHandler
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import forms, question_windows, sign_in_notice
from bot.slack.intake.question_clicks import click_on, said
from bot.slack.intake.response import WindowResponse, beside_fields

UNVERIFIED = "I couldn't confirm with Slack who you are. Nothing was changed; send it again in a moment."


async def submit(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Take in a pasted address. What is wrong with it is shown beside the field, and nothing follows."""
    view = mapping(body.get("view"))
    try:
        where, _ = forms.unseal(view)
        values = question_windows.values(view)
    except ValueError:
        return WindowResponse(NOTHING)
    question = await handler.store.find_question(where.approval)
    if handler.connections is None or question is None or isinstance(question, Approval) or question.kind != SIGN_IN:
        return WindowResponse(NOTHING)
    click = await click_on(asked, body, question, where, kind=SIGN_IN, answer=sign_in_notice.PASTE)
    verdict = refusal(question, click, time.time())
    if verdict is Verdict.UNVERIFIED:
        return _beside(view, UNVERIFIED)
    if verdict is not None:
        return WindowResponse(said(asked, verdict, click.user))
    problem = await handler.connections.pasted(question.id, click.user, values.get(sign_in_notice.FIELD, ""))
    if problem:
        return _beside(view, problem)
    handler.background(handler.connections.finish(question.id))
    return WindowResponse()


def _beside(view: JsonObject, words: str) -> WindowResponse:
    return WindowResponse(errors=beside_fields(view, {sign_in_notice.FIELD: words}, question_windows.block_id))
