"""The menu and the buttons at the end of a turn's message."""

from __future__ import annotations

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.policy.privacy import Privacy
from bot.core.untrusted import mapping, reference
from bot.pace import offload
from bot.slack.approval_handler import ApprovalHandler, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import turn_details, turn_menu
from bot.slack.intake import replies
from bot.slack.intake.response import Response

NOT_YET = "I can't do that yet. Please write it to me in this thread."
NOT_YOURS = "Only who asked can stop this, and only while it runs. Nothing was changed."


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Do what was chosen. Raises ValueError if it is none of ours."""
    chosen = mapping(action.get("selected_option")) or action
    what, turn = turn_menu.opened(chosen.get("value"))
    if what == turn_menu.DETAILS:
        return Response(work=_show(handler, body, turn))
    if what == turn_menu.STOP:
        return Response(await _stop(handler, body, turn))
    return Response(NOT_YET)


async def _stop(handler: ApprovalHandler, body: JsonObject, turn: int) -> str:
    """Stop a turn. The store looks whether it is theirs: a forged value stops nothing of anybody else."""
    user = user_of(body)
    thread_id = await handler.store.stop(turn, user) if user else 0
    if not thread_id:
        return NOT_YOURS
    log_events.turn_stopped(user, turn)
    handler.wake(thread_id)
    return ""


async def _show(handler: ApprovalHandler, body: JsonObject, turn: int) -> None:
    """Open the window with the details. A forged value opens nothing from another channel."""
    record = await handler.store.turn_record(turn, turn_details.MAX_CALLS)
    channel = reference(mapping(body.get("channel")).get("id"))
    if record is None or record.place.channel != channel:
        shown = turn_details.said(turn_details.GONE)
    elif user_of(body) != record.requester and await handler.privacy(record.place) is not Privacy.FULL:
        shown = turn_details.said(turn_details.PRIVATE)
    else:
        size = sum(len(call.arguments) + len(call.result) for call in record.calls)
        shown = await offload(size, turn_details.window, record)
    await replies.show(handler.client, body, shown)
