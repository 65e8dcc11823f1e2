"""Buttons of requests about calls: settled in one transaction before the ack; windows are opened after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.questions.click import Settlement, Verdict
from bot.core.questions.question import Approval, Decision
from bot.core.questions.undo import UNDO
from bot.core.untrusted import reference
from bot.pace import UNKNOWN_SIZE, offload
from bot.slack.approval_handler import (
    ACK_SECONDS,
    NOT_TOLD,
    NOTHING,
    UNDO_OVER,
    ApprovalHandler,
    pressed_on,
    together,
    user_of,
)
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import buttons, details, forms
from bot.slack.blocks.call_text import arguments_of
from bot.slack.blocks.forms import Opened
from bot.slack.intake.response import Response

WINDOWS = (buttons.EDIT, buttons.ALWAYS, buttons.REASON)
TOOLS_SECONDS = 1.5


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Settle what was pressed, or have a window opened. Raises ValueError when it is no button of ours."""
    name, pressed = buttons.pressed(action)
    requests = [pressed_on(body, request) for request in pressed.requests]
    if name == buttons.DETAILS:
        return Response(work=_show(handler, asked, body, requests[0]))
    if name in WINDOWS:
        return Response(work=_open(handler, asked, body, requests[0], name, prefix=pressed.prefix))
    return Response(await _decide(handler, asked, body, requests, name, prefix=pressed.prefix))


_ANSWERS = {
    buttons.ALL_APPROVED: Decision.APPROVED,
    buttons.ALL_DENIED: Decision.DENIED,
    buttons.STOP: Decision.STOPPED,
}


async def _decide(
    handler: ApprovalHandler,
    asked: AuthorizationCheck,
    body: JsonObject,
    requests: list[Opened],
    name: str,
    *,
    prefix: bool,
) -> str:
    """Settle what was pressed. Out: what the person is to be told."""
    user = user_of(body)
    found: list[tuple[Approval, Opened]] = []
    for opened in requests:
        approval = await handler.open_request(opened, body, prefix=prefix)
        # Of several, those that are decided already stay as they are.
        if approval is not None and (len(requests) == 1 or approval.decision is Decision.AWAITING):
            found.append((approval, opened))
    if not found:
        return NOTHING
    approval, opened = found[0]
    if name == buttons.UNDO:
        [settlement] = await handler.store.answer([await handler.click(asked, approval, opened, body, UNDO, kind=UNDO)])
        if settlement.verdict is Verdict.SETTLED:
            handler.undo(settlement.thread_id)
        words = handler.settled(asked, settlement, user, "undo")
        return UNDO_OVER if settlement.verdict is Verdict.ALREADY else words
    decision = _ANSWERS.get(name) or Decision(name)
    clicks = await asyncio.gather(
        *(handler.click(asked, approval, opened, body, decision) for approval, opened in found)
    )
    settlements = await handler.store.answer(clicks)
    log_events.clicked(user, name, settlements)
    return together([handler.settled(asked, settlement, user, "") for settlement in settlements])


async def _may_see(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, approval: Approval
) -> bool | None:
    """In private, the arguments are for the requester and for those who may decide; None when Slack does not tell
    whether this is one of them."""
    if approval.privacy == "full":
        return True
    ways = (asked.entitled(user_of(body), approval, approving=approving) for approving in (False, True))
    found = await asyncio.gather(*ways)
    return True if True in found else None if None in found else False


async def _show(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, opened: Opened) -> None:
    """Everything in full. The channel must be the card's: a forged value opens nothing from elsewhere."""
    approval = await handler.open_request(opened, body)
    may = approval is not None and await _may_see(handler, asked, body, approval)
    if approval is None:
        await handler.tell(body, "I know no request behind this button.")
    elif may is None:
        await handler.tell(body, NOT_TOLD)
    elif not may and asked.stranger(user_of(body)):
        await handler.tell(body, "The details are for active members of this workspace.")
    elif not may:
        await handler.tell(body, "The details are for the person who asked and for those who may decide.")
    else:
        await handler.show(body, await offload(approval.size, details.details, approval))


async def turn_page(handler: ApprovalHandler, body: JsonObject) -> None:
    """Another page of the window. Who may see the first may see them all, if they still may; a window that was opened
    for another request turns to no page of this one."""
    view: JsonObject = body.get("view") or {}
    try:
        approval_id, digest, page = details.opened_page(str(body["actions"][0].get("value") or ""))
    except ValueError:
        return
    approval = await handler.store.find_question(approval_id)
    if not isinstance(approval, Approval) or (approval.digest, approval.id) != (digest, view.get("private_metadata")):
        return
    if not await _may_see(handler, handler.authorizer.begin_check(), body, approval):
        return
    shown = await offload(approval.size, details.details, approval, page)
    await handler.client.views_update(view_id=reference(view.get("id")), view=shown)


async def _open(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, opened: Opened, name: str, *, prefix: bool
) -> None:
    """A window in which somebody changes the arguments, gives a reason, or a standing grant."""
    approval = await handler.open_request(opened, body, prefix=prefix)
    if approval is None:
        await handler.tell(body, NOTHING)
        return
    if approval.decision is not Decision.AWAITING:
        settlement = Settlement(Verdict.ALREADY, question=approval)
        await handler.tell(body, handler.said(asked, settlement, user_of(body)))
        return
    entitled = await asked.entitled(user_of(body), approval, approving=name == buttons.ALWAYS)
    if not entitled:
        await handler.tell(body, NOT_TOLD if entitled is None else handler.not_yours(asked, approval, user_of(body)))
        return
    opened = Opened(approval.id, approval.digest, opened.channel, opened.message_ts, opened.thread_ts)
    if name != buttons.REASON:
        # Right after a start the tools may be a moment away; Slack allows 3 seconds for opening the window.
        await handler.toolset.ready(min(TOOLS_SECONDS, asked.left(ACK_SECONDS)))
    tool = handler.toolset.find(approval.call.tool)
    if name == buttons.REASON:
        await handler.show(body, forms.reason(approval, opened))
    elif tool is None:
        await handler.tell(body, "The tool is not there at the moment, so this cannot be opened. Nothing was changed.")
    elif name == buttons.EDIT:
        # What a tool's schema may hold is its server's choice.
        await handler.show(body, await offload(UNKNOWN_SIZE, forms.edit, approval, tool.schema, opened))
    elif approval.grants:
        # In the time that is left for opening a window; a disk that does not tell offers no folders.
        folders: Sequence[str] = ()
        with suppress(TimeoutError):
            async with asyncio.timeout(asked.left(ACK_SECONDS)):
                given = await offload(approval.size, arguments_of, approval.call)
                folders = await handler.toolset.guard(tool.server).folders(tool, given)
        view = await offload(approval.size, forms.always, approval, folders, handler.rules.grant_days, opened)
        await handler.show(body, view)
