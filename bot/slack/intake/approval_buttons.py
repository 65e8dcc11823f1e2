"""Handles the buttons of approval requests. A click is settled in one transaction before it is acknowledged; windows
are opened afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from bot.core.json_text import JsonObject
from bot.core.questions.click import Settlement, Verdict
from bot.core.questions.granted import REVOKE
from bot.core.questions.question import Approval, Decision
from bot.core.questions.scope import Offers, offered
from bot.core.questions.suggestion import SUGGESTION
from bot.core.questions.undo import UNDO
from bot.core.untrusted import reference
from bot.pace import UNKNOWN_SIZE, offload
from bot.slack.approval_handler import (
    ACK_SECONDS,
    NOTHING,
    UNVERIFIED,
    ApprovalHandler,
    pressed_on,
    user_of,
)
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import always_form, buttons, details, edit_form, forms
from bot.slack.blocks.call_text import arguments_of
from bot.slack.blocks.forms import Opened
from bot.slack.blocks.review_set import ReviewSet, awaits, is_hidden, review_set
from bot.slack.intake import approval_entries, replies, review, review_decisions
from bot.slack.intake.question_clicks import pressed_at
from bot.slack.intake.response import Response

log = logging.getLogger(__name__)

WINDOWS = (buttons.DETAILS, buttons.EDIT, buttons.ALWAYS, buttons.REASON)
TOOLS_SECONDS = 1.5


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Settle a click, or open a window for it. Raises ValueError if the button is not one of ours."""
    name, pressed = buttons.pressed(action)
    if pressed.these is not None:
        if name == buttons.REVIEW:
            return Response(work=review.open_window(handler, asked, body, pressed.these))
        if name == buttons.ALL_UNDONE:
            return await review_decisions.undo(handler, asked, body, pressed.these)
        return await review_decisions.press(handler, asked, body, pressed.these, _ANSWERS[name], button=name)
    requests = [pressed_on(body, request) for request in pressed.requests]
    if name in WINDOWS:
        return Response(work=_open(handler, asked, body, requests[0], name, prefix=pressed.prefix))
    kind = _OFFERS.get(name, "")
    answer = kind or _ANSWERS.get(name) or Decision(name)
    within = bool(body.get("view"))
    if answer in (Decision.APPROVED, Decision.RUN_AGAIN) and not within:
        unseen = await _unseen(handler, body, requests)
        if unseen is not None:
            return Response(work=review.open_window(handler, asked, body, unseen))
    prepare = partial(approval_entries.suggested, handler) if kind == SUGGESTION else None
    words = await handler.settle(
        asked, requests, body, answer, button=name, kind=kind, prefix=pressed.prefix, prepare=prepare
    )
    return Response(work=review.redraw_with_message(handler, asked, body, words)) if within else Response(words)


_OFFERS = {buttons.UNDO: UNDO, buttons.REVOKE: REVOKE, buttons.ALLOW: SUGGESTION}
"""The offers on a decided request, by the name of their button: the kind of the question, also its only answer."""
_ANSWERS = {
    buttons.ALL_APPROVED: Decision.APPROVED,
    buttons.ALL_DENIED: Decision.DENIED,
    buttons.STOP: Decision.STOPPED,
}


async def _unseen(handler: ApprovalHandler, body: JsonObject, requests: Sequence[Opened]) -> ReviewSet | None:
    """Return the requests that a button approves, if its message does not show what they would do, as of an earlier
    version, or if it is forged. None if the message shows everything."""
    found = [await handler.open_request(opened, body) for opened in requests]
    waiting = [each for each in found if each is not None and awaits(each)]
    return review_set(waiting) if any(map(is_hidden, waiting)) else None


async def _open(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, opened: Opened, name: str, *, prefix: bool
) -> None:
    """Open the window of a button, or explain to the person why it cannot be opened."""
    if name == buttons.DETAILS:
        shown = await _details(handler, asked, body, opened)
    else:
        shown = await _form(handler, asked, body, opened, name, prefix=prefix)
    if body.get("view"):
        await review.push(handler, asked, body, shown, keeps=name == buttons.EDIT)
    elif isinstance(shown, str):
        await replies.send(handler.client, body, shown)
    else:
        await replies.show(handler.client, body, shown)


async def _may_see(asked: AuthorizationCheck, body: JsonObject, approval: Approval) -> bool | None:
    """Return whether a person may see the arguments; None if Slack does not say who they are.

    In private mode, arguments are for the requester and for those who may decide.
    """
    if approval.privacy == "full":
        return True
    ways = (asked.entitled(user_of(body), approval, approving=approving) for approving in (False, True))
    found = await asyncio.gather(*ways)
    return True if True in found else None if None in found else False


async def _details(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, opened: Opened
) -> JsonObject | str:
    """Return the window with all details, or why it is refused. The channel must be the card's, so that a forged value
    opens nothing from another one."""
    approval = await handler.open_request(opened, body)
    if approval is None:
        return "I don't know the request behind this button, so nothing was done."
    may = await _may_see(asked, body, approval)
    if may:
        return await offload(approval.size, details.details, approval)
    if may is None:
        return asked.unknown(UNVERIFIED)
    if asked.stranger(user_of(body)):
        return "The details are for active members of this workspace."
    return "The details are for the person who asked and for those who may decide."


async def turn_page(handler: ApprovalHandler, body: JsonObject) -> None:
    """Show another page of the details window, if the person may still see it and the window belongs to this
    request."""
    view: JsonObject = body.get("view") or {}
    try:
        approval_id, digest, page = details.opened_page(str(body["actions"][0].get("value") or ""))
    except ValueError:
        return
    approval = await handler.store.find_question(approval_id)
    if not isinstance(approval, Approval) or (approval.digest, approval.id) != (digest, view.get("private_metadata")):
        return
    if not await _may_see(handler.authorizer.begin_check(), body, approval):
        return
    shown = await offload(approval.size, details.details, approval, page)
    if problem := await handler.windows.send(handler.client, reference(view.get("id")), shown, pressed_at(body)):
        log.warning("could not change a window: %s", problem)


async def _form(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, opened: Opened, name: str, *, prefix: bool
) -> JsonObject | str:
    """Return a form to change the arguments, give a reason, or give a standing grant; or why it is refused."""
    user = user_of(body)
    approval = await handler.open_request(opened, body, prefix=prefix)
    if approval is None:
        return NOTHING
    if approval.decision is not Decision.AWAITING:
        return handler.said(asked, Settlement(Verdict.ALREADY, question=approval), user)
    entitled = await asked.entitled(user, approval, approving=name == buttons.ALWAYS)
    if not entitled:
        return asked.unknown(UNVERIFIED) if entitled is None else handler.not_yours(asked, approval, user)
    opened = Opened(approval.id, approval.digest, opened.channel, opened.message_ts, opened.thread_ts)
    if name != buttons.REASON:
        return await _tool_form(handler, asked, approval, opened, name)
    return forms.reason(approval, opened)


async def _tool_form(
    handler: ApprovalHandler, asked: AuthorizationCheck, approval: Approval, opened: Opened, name: str
) -> JsonObject | str:
    """Return a form that needs the current definition of the tool."""
    # Right after a start the tools may not be ready yet; Slack allows 3 seconds for opening the window.
    await handler.toolset.ready(min(TOOLS_SECONDS, asked.left(ACK_SECONDS)))
    tool = handler.toolset.find(approval.call.tool)
    if tool is None:
        return "This tool is unavailable right now. Nothing was changed; press the button again in a moment."
    if name == buttons.EDIT:
        # What a tool's schema may hold is its server's choice.
        return await offload(UNKNOWN_SIZE, edit_form.edit, approval, tool.schema, opened)
    if not approval.grants:
        return NOTHING
    # Within the time for opening a window. If the disk does not answer in time, no files and folders are offered.
    known = Offers(comparable=False)
    given = await offload(approval.size, arguments_of, approval.call)
    with suppress(TimeoutError):
        async with asyncio.timeout(asked.left(ACK_SECONDS)):
            known = await handler.toolset.guard(tool.server).offers(tool, given)
    action = always_form.action_of(approval, known)
    offers = await offload(approval.size, offered, known, given)
    return always_form.always(approval, action, offers, handler.rules.grant_days, opened)
