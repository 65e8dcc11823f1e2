"""Handles the buttons of questions of any kind. An answer is settled in one transaction before it is acknowledged; if
something has to be entered, a window is opened afterwards."""

from __future__ import annotations

import time

from bot.core.json_text import JsonObject
from bot.core.questions.decide import refusal
from bot.core.questions.question import Approval
from bot.pace import offload
from bot.slack.approval_handler import NOTHING, ApprovalHandler, pressed_on
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import question_blocks
from bot.slack.intake import question_windows
from bot.slack.intake.question_clicks import click_on, said, settle
from bot.slack.intake.response import Response


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Settle a click, or open a window for it. Raises ValueError if the button is not one of ours."""
    pressed = question_blocks.pressed(action)
    question = await handler.store.find_question(pressed.question)
    if question is None or isinstance(question, Approval):
        return Response(NOTHING)
    where = pressed_on(body, (question.id, pressed.digest))
    click = await click_on(asked, body, question, where, kind=pressed.kind, answer=pressed.answer)
    if refusal(question, click, time.time()) is None:
        view = await offload(question.size, question_blocks.window, question, pressed.kind, pressed.answer)
        if view is not None:
            return Response(work=question_windows.open_window(handler, body, where, click, view))
    settlement = await settle(handler, click)
    return Response(said(asked, settlement.verdict, click.user))
