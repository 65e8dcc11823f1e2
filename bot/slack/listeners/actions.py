"""Buttons: a click is checked and settled in one transaction before its ack, then the thread is woken."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.core.calls import JsonObject
from bot.core.outside import items, mapping, reference
from bot.core.requests import Approval, Decision, Settlement, Verdict
from bot.pace import ANY, beside
from bot.slack.blocks import buttons, details, forms
from bot.slack.blocks.forms import Opened
from bot.slack.blocks.words import arguments_of
from bot.slack.desk import ACK_SECONDS, NOT_TOLD, NOTHING, UNDO_OVER, Desk, pressed_on, together, user_of
from bot.slack.people import Inquiry

log = logging.getLogger(__name__)

ANYTHING = re.compile(".*", re.DOTALL)
WINDOWS = (buttons.EDIT, buttons.ALWAYS, buttons.REASON)
TOOLS_SECONDS = 1.5
NOT_OURS = "This button is not one of mine, so nothing was done."


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to the buttons of cards; whatever else is pressed, sent or typed gets its ack and, from us, a word."""

    async def on_button(ack: AsyncAck, body: dict[str, Any]) -> None:
        asked = desk.people.inquiry()
        action = mapping(next(iter(items(body.get("actions"))), None))
        try:
            name, pressed = buttons.pressed(action)
        except ValueError:
            log.warning("a button with a value that is not ours: %r", str(action.get("value"))[:200])
            await ack()
            desk.background(desk.tell(body, NOT_OURS))
            return
        requests = [pressed_on(body, request) for request in pressed.requests]
        if name == buttons.DETAILS:
            await ack()
            desk.background(_show(desk, asked, body, requests[0]))
        elif name in WINDOWS:
            await ack()
            desk.background(_open(desk, asked, body, requests[0], name, prefix=pressed.prefix))
        else:
            words = await _decide(desk, asked, body, requests, name, prefix=pressed.prefix)
            await ack()
            if words:
                desk.background(desk.tell(body, words))

    async def on_page(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        desk.background(_turn_page(desk, body))

    async def on_anything(ack: AsyncAck) -> None:
        await ack()

    async def on_event() -> None:
        return

    app.action(details.PAGE)(on_page)
    app.action(re.compile(f"^{re.escape(buttons.PREFIX)}"))(on_button)
    app.action(ANYTHING)(on_anything)
    app.view(ANYTHING)(on_anything)
    app.view_closed(ANYTHING)(on_anything)
    app.command(ANYTHING)(on_anything)
    app.shortcut(ANYTHING)(on_anything)
    app.options(ANYTHING)(on_anything)
    app.event(ANYTHING)(on_event)


_ALL = {buttons.ALL_APPROVED: Decision.APPROVED, buttons.ALL_DENIED: Decision.DENIED}


async def _decide(
    desk: Desk, asked: Inquiry, body: JsonObject, requests: list[Opened], name: str, *, prefix: bool
) -> str:
    """Settle what was pressed. Out: what the person is to be told."""
    user = user_of(body)
    found: list[tuple[Approval, Opened]] = []
    for opened in requests:
        approval = await desk.open_request(opened, body, prefix=prefix)
        # Of several, those that are decided already stay as they are.
        if approval is not None and (len(requests) == 1 or approval.decision is Decision.AWAITING):
            found.append((approval, opened))
    if not found:
        return NOTHING
    approval, opened = found[0]
    if name == buttons.STOP:
        settlement = await desk.store.stop(await desk.click(asked, approval, opened, body, Decision.STOPPED))
        return desk.settled(asked, settlement, user, "stop")
    if name == buttons.UNDO:
        settlement = await desk.store.take_back(await desk.click(asked, approval, opened, body, Decision.DENIED))
        if settlement.verdict is Verdict.SETTLED:
            desk.undo(settlement.thread_id)
        words = desk.settled(asked, settlement, user, "undo")
        return UNDO_OVER if settlement.verdict is Verdict.ALREADY else words
    decision = _ALL.get(name) or Decision(name)
    clicks = await asyncio.gather(*(desk.click(asked, approval, opened, body, decision) for approval, opened in found))
    settlements = await desk.store.settle(clicks)
    return together([desk.settled(asked, settlement, user, name) for settlement in settlements])


async def _may_see(desk: Desk, asked: Inquiry, body: JsonObject, approval: Approval) -> bool | None:
    """In private, the arguments are for the requester and for those who may decide; None when Slack does not tell
    whether this is one of them."""
    if approval.privacy == "full":
        return True
    ways = (asked.entitled(user_of(body), approval, approving=approving) for approving in (False, True))
    found = await asyncio.gather(*ways)
    return True if True in found else None if None in found else False


async def _show(desk: Desk, asked: Inquiry, body: JsonObject, opened: Opened) -> None:
    """Everything in full. The channel must be the card's: a forged value opens nothing from elsewhere."""
    approval = await desk.open_request(opened, body)
    may = approval is not None and await _may_see(desk, asked, body, approval)
    if approval is None:
        await desk.tell(body, "I know no request behind this button.")
    elif may is None:
        await desk.tell(body, NOT_TOLD)
    elif not may and asked.stranger(user_of(body)):
        await desk.tell(body, "The details are for active members of this workspace.")
    elif not may:
        await desk.tell(body, "The details are for the person who asked and for those who may decide.")
    else:
        await desk.show(body, await beside(approval.size, details.details, approval))


async def _turn_page(desk: Desk, body: JsonObject) -> None:
    """Another page of the window. Who may see the first may see them all, if they still may; a window that was opened
    for another request turns to no page of this one."""
    view: JsonObject = body.get("view") or {}
    try:
        approval_id, digest, page = details.opened_page(str(body["actions"][0].get("value") or ""))
    except ValueError:
        return
    approval = await desk.store.find_approval(approval_id)
    if approval is None or (approval.digest, approval.id) != (digest, view.get("private_metadata")):
        return
    if not await _may_see(desk, desk.people.inquiry(), body, approval):
        return
    shown = await beside(approval.size, details.details, approval, page)
    await desk.client.views_update(view_id=reference(view.get("id")), view=shown)


async def _open(desk: Desk, asked: Inquiry, body: JsonObject, opened: Opened, name: str, *, prefix: bool) -> None:
    """A window in which somebody changes the arguments, gives a reason, or a standing grant."""
    approval = await desk.open_request(opened, body, prefix=prefix)
    if approval is None:
        await desk.tell(body, NOTHING)
        return
    if approval.decision is not Decision.AWAITING:
        settlement = Settlement(Verdict.ALREADY, approval=approval)
        await desk.tell(body, desk.said(asked, settlement, user_of(body)))
        return
    entitled = await asked.entitled(user_of(body), approval, approving=name == buttons.ALWAYS)
    if not entitled:
        await desk.tell(body, NOT_TOLD if entitled is None else desk.not_yours(asked, approval, user_of(body)))
        return
    opened = Opened(approval.id, approval.digest, opened.channel, opened.message_ts, opened.thread_ts)
    if name != buttons.REASON:
        # Right after a start the tools may be a moment away; Slack allows 3 seconds for opening the window.
        await desk.toolset.ready(min(TOOLS_SECONDS, asked.left(ACK_SECONDS)))
    tool = desk.toolset.find(approval.call.tool)
    if name == buttons.REASON:
        await desk.show(body, forms.reason(approval, opened))
    elif tool is None:
        await desk.tell(body, "The tool is not there at the moment, so this cannot be opened. Nothing was changed.")
    elif name == buttons.EDIT:
        # What a tool's schema may hold is its server's choice.
        await desk.show(body, await beside(ANY, forms.edit, approval, tool.schema, opened))
    elif approval.grants:
        # In the time that is left for opening a window; a disk that does not tell offers no folders.
        folders: Sequence[str] = ()
        with suppress(TimeoutError):
            async with asyncio.timeout(asked.left(ACK_SECONDS)):
                given = await beside(approval.size, arguments_of, approval.call)
                folders = await desk.toolset.folders(tool, given)
        view = await beside(approval.size, forms.always, approval, folders, desk.rules.grant_days, opened)
        await desk.show(body, view)
