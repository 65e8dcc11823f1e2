"""Decides or undoes several requests of a card at once, for the buttons of a list and for a submitted review window."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.questions.click import Settlement, Verdict
from bot.core.questions.question import Approval, CallKind, Decision
from bot.core.questions.undo import UNDO
from bot.core.untrusted import mapping
from bot.slack.approval_handler import NOTHING, UNVERIFIED, ApprovalHandler, pressed_on, together, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import buttons, elements, review_window
from bot.slack.blocks.forms import Opened
from bot.slack.blocks.review_set import ReviewSet, awaits, is_hidden
from bot.slack.blocks.review_window import Review
from bot.slack.intake import replies, review
from bot.slack.intake.response import Response, WindowResponse

CHANGED = "This list has changed since it was shown. Nothing was decided; please look at it again."
DONE = (Verdict.SETTLED, Verdict.COUNTED)

Answer = tuple[Approval, Opened, Decision]


async def press(
    handler: ApprovalHandler,
    asked: AuthorizationCheck,
    body: JsonObject,
    these: ReviewSet,
    answer: Decision,
    *,
    button: str,
) -> Response:
    """Give the same answer to all open requests of a list that the person may decide."""
    place = pressed_on(body, (these.first, these.digest))
    found = await review.find(handler, these, user_of(body), place.channel)
    if found is None:
        return Response(NOTHING)
    if not found.same:
        return Response(CHANGED)
    if answer is Decision.APPROVED and any(map(is_hidden, found.approvals)):
        return Response(work=review.open_window(handler, asked, body, these))
    shown = Review(these, place.channel, place.message_ts, place.thread_ts)
    waiting = [each for each in found.approvals if awaits(each) and each.kind == CallKind.MAY_IT_RUN]
    answers = [(each, shown.opened(each), answer) for each in waiting or found.approvals[:1]]
    _, words = await _decide(handler, asked, body, answers, button)
    return Response(words)


async def undo(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, these: ReviewSet) -> Response:
    """Undo all calls of a list that can be undone, the last one first."""
    place = pressed_on(body, (these.first, these.digest))
    found = await review.find(handler, these, user_of(body), place.channel)
    if found is None:
        return Response(NOTHING)
    if not found.same:
        return Response(CHANGED)
    shown = Review(these, place.channel, place.message_ts, place.thread_ts)
    requests = [shown.opened(each) for each in found.approvals]
    words = await handler.settle(asked, requests, body, UNDO, button=buttons.ALL_UNDONE, kind=UNDO)
    return Response(words)


async def submit(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Approve the requests that the window includes and deny those that were left out, in one transaction. If any of
    them is not what the window has shown, decide nothing and show the current state."""
    view = mapping(body.get("view"))
    try:
        shown = review_window.with_checked(review_window.unsealed(view), view)
    except ValueError:
        return WindowResponse(NOTHING)
    user = user_of(body)
    found = await review.find(handler, shown.these, user, shown.channel)
    if found is None:
        return WindowResponse(NOTHING)
    may = await review.may_see(asked, user, found.approvals)
    if not may:
        stranger = review.FOR_MEMBERS if asked.stranger(user) else review.FOR_DECIDERS
        return WindowResponse(asked.unknown(UNVERIFIED) if may is None else stranger)
    can = await review.rights(asked, user, found.approvals)
    if not found.same:
        return WindowResponse(view=await review.render(found.approvals, shown, can, review.CHANGED))
    answers = [
        *((each, Decision.APPROVED) for each in review_window.included(found.approvals, shown, can)),
        *((each, Decision.DENIED) for each in review_window.left_out(found.approvals, shown, can)),
    ]
    if not answers:
        # Everything was decided in the meantime, or this person may decide none of it.
        answers = [(each, Decision.APPROVED) for each in found.approvals[:1]]
    ordered = sorted(answers, key=lambda answer: found.approvals.index(answer[0]))
    clicks = [(each, shown.opened(each), answer) for each, answer in ordered]
    done, words = await _decide(handler, asked, body, clicks, "review")
    if done and words:
        where = {"id": shown.channel}
        said = {**body, "channel": where, "container": {"thread_ts": shown.thread_ts, "channel_id": shown.channel}}
        handler.background(replies.send(handler.client, said, words))
        return WindowResponse()
    return WindowResponse(words)


async def _decide(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, answers: Sequence[Answer], button: str
) -> tuple[bool, str]:
    """Settle these answers in one transaction. Return whether anything was done, and the message to the person; empty
    if the card shows everything."""
    clicks = await asyncio.gather(
        *(handler.click(asked, approval, opened, body, answer) for approval, opened, answer in answers)
    )
    settlements = await handler.store.answer(clicks)
    log_events.clicked(user_of(body), button, settlements)
    for thread_id in {each.thread_id for each in settlements if each.thread_id}:
        handler.wake(thread_id)
    return _said(handler, asked, settlements, user_of(body))


def _said(
    handler: ApprovalHandler, asked: AuthorizationCheck, settlements: Sequence[Settlement], user: str
) -> tuple[bool, str]:
    """Return whether anything was done, and the message to the person; empty if the card shows everything."""
    done = sum(each.verdict in DONE for each in settlements)
    others = [each for each in settlements if each.verdict not in (*DONE, Verdict.ALREADY)]
    if not done:
        return False, together([handler.said(asked, each, user) for each in (others or settlements)])
    theirs = [each.question for each in others if each.verdict is Verdict.NOT_YOURS]
    lines = [handler.said(asked, each, user) for each in others if each.verdict is not Verdict.NOT_YOURS]
    approvals = [each for each in theirs if isinstance(each, Approval)]
    if approvals:
        people = dict.fromkeys(who for each in approvals for who in handler.authorizer.rules_for(each).people)
        who = elements.mentions([*people], approvals[0].requester, last=" or ")
        wait = "1 of them is still waiting" if len(approvals) == 1 else f"{len(approvals)} of them are still waiting"
        lines.insert(0, f"{wait} for a decision by {who}. The rest is decided.")
    return True, together(lines)
