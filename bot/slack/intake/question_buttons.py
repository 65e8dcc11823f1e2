"""Buttons of questions of any kind: the answer is checked and settled in one transaction before its ack."""

from __future__ import annotations

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Approval
from bot.slack.approval_handler import NOT_TOLD, NOTHING, STRANGER, ApprovalHandler, pressed_on, team_of, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import question_blocks
from bot.slack.intake.response import Response

WORDS = {
    Verdict.ALREADY: "This question is closed: somebody has answered it, or its time is over. Nothing was changed.",
    Verdict.NOT_YOURS: "This question is for somebody else. Nothing was changed.",
    Verdict.NOT_TOLD: NOT_TOLD,
    Verdict.UNKNOWN: NOTHING,
}


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Settle what was pressed. Raises ValueError when it is no button of ours."""
    pressed = question_blocks.pressed(action)
    question, user = await handler.store.find_question(pressed.question), user_of(body)
    if question is None or isinstance(question, Approval):
        return Response(NOTHING)
    where = pressed_on(body, (question.id, pressed.digest))
    entitled, groups = await asked.member_of(user, question)
    click = Click(
        question=question.id,
        digest=pressed.digest,
        answer=pressed.answer,
        user=user,
        team=team_of(body),
        channel=where.channel,
        message_ts=where.message_ts,
        entitled=entitled,
        groups=groups,
        kind=pressed.kind,
    )
    [settlement] = await handler.store.answer([click])
    log_events.clicked(user, f"{pressed.kind}.{pressed.answer}", [settlement])
    if settlement.thread_id:
        handler.wake(settlement.thread_id)
    if settlement.verdict is Verdict.NOT_YOURS and asked.stranger(user):
        return Response(STRANGER)
    return Response(WORDS.get(settlement.verdict, ""))
