"""The menu and the feedback buttons at the end of a turn's message."""

from __future__ import annotations

import logging

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.policy.privacy import Privacy
from bot.core.turn_record import TurnRecord
from bot.core.untrusted import mapping, reference
from bot.pace import offload
from bot.slack.approval_handler import STRANGER, ApprovalHandler, origin_of, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import feedback, turn_details, turn_menu
from bot.slack.intake import ledger_buttons, replies
from bot.slack.intake.response import Response, WindowResponse

log = logging.getLogger(__name__)

NOT_YOURS = "Only who asked for this, or an approver, can stop it. Nothing was changed."
ENDED = "This has ended already, so there was nothing to stop."
THANKS = "Thank you, noted as a good answer. Press the other button if you change your mind."
UNKNOWN = "I can't tell which answer this is about, so nothing was noted."
NOT_TOLD = "I couldn't confirm with Slack who you are. Nothing was noted; press the button again in a moment."
CHANGED = "You have changed your mind about this answer meanwhile, so this was not noted."


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Handle a choice in the menu. Raises ValueError if it is not one of ours."""
    chosen = mapping(action.get("selected_option")) or action
    what, turn = turn_menu.opened(chosen.get("value"))
    if what == turn_menu.DETAILS:
        return Response(work=_show(handler, body, turn))
    if what == turn_menu.THREAD:
        return Response(work=ledger_buttons.show(handler, asked, body, turn, whole_thread=True))
    if what == turn_menu.STOP:
        return await _stop(handler, body, turn)
    return await _rate(handler, asked, body, turn, good=what == turn_menu.GOOD)


async def _stop(handler: ApprovalHandler, body: JsonObject, turn: int) -> Response:
    """Stop a turn: at once if the requester asks for it, after the ack if it takes Slack to say whether they may."""
    user, record = user_of(body), await _record(handler, body, turn, 0)
    if record is None or not user:
        return Response(NOT_YOURS)
    if user != record.requester:
        return Response(work=_stop_for(handler, body, turn))
    thread_id = await handler.store.stop(turn, user)
    return Response(_stopped(handler, user, turn, thread_id))


async def _stop_for(handler: ApprovalHandler, body: JsonObject, turn: int) -> None:
    """Stop the turn of somebody else, if this is an approver."""
    user = user_of(body)
    if not await handler.authorizer.may_stop(user):
        words = NOT_YOURS
    else:
        words = _stopped(handler, user, turn, await handler.store.stop(turn, user, others=True))
    if words:
        await replies.send(handler.client, body, words)


def _stopped(handler: ApprovalHandler, user: str, turn: int, thread_id: int) -> str:
    """Have the thread go on without the turn. Return the answer to the person."""
    if not thread_id:
        return ENDED
    log_events.turn_stopped(user, turn, "menu")
    handler.wake(thread_id)
    return ""


async def _rate(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, turn: int, *, good: bool
) -> Response:
    """Keep what somebody thinks of an answer; why it is bad, they may write."""
    user = user_of(body)
    record = await _record(handler, body, turn, 0)
    if record is None or not user:
        return Response(UNKNOWN)
    await asked.look_up(user)
    here = asked.acted_here(user, origin_of(body, org_wide=asked.org_wide))
    if here is None:
        return Response(asked.unknown(NOT_TOLD))
    if not here or asked.stranger(user):
        return Response(STRANGER)
    if not await handler.store.rate(turn, record.place.channel, user, good=good):
        return Response(UNKNOWN)
    log_events.rated(user, turn, turn_menu.GOOD if good else turn_menu.BAD)
    return Response(THANKS) if good else Response(work=replies.show(handler.client, body, feedback.window(turn)))


async def explain(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Keep what somebody has written about a bad answer: only of one that they have called bad themselves."""
    view = mapping(body.get("view"))
    try:
        turn, words = feedback.entered(view)
    except ValueError:
        log.warning("a window with contents that are not ours")
        return WindowResponse(UNKNOWN)
    if words and not await handler.store.explain(turn, user_of(body), words):
        return WindowResponse(CHANGED)
    return WindowResponse()


async def _record(handler: ApprovalHandler, body: JsonObject, turn: int, most: int) -> TurnRecord | None:
    """Return what is recorded of a turn of the conversation that a button is in. A forged value opens no other."""
    record = await handler.store.turn_record(turn, most)
    channel = reference(mapping(body.get("channel")).get("id"))
    return record if record is not None and record.place.channel == channel else None


async def _show(handler: ApprovalHandler, body: JsonObject, turn: int) -> None:
    """Open the window with the details."""
    record = await _record(handler, body, turn, turn_details.MAX_CALLS)
    if record is None:
        shown = turn_details.said(turn_details.GONE)
    elif user_of(body) != record.requester and await handler.privacy(record.place) is not Privacy.FULL:
        shown = turn_details.said(turn_details.PRIVATE)
    else:
        size = sum(len(call.arguments) + len(call.result) for call in record.calls)
        shown = await offload(size, turn_details.window, record)
    await replies.show(handler.client, body, shown)
