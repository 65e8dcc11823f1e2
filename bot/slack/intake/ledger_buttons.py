"""Handles the buttons of a turn's ledger: shows what has changed in a window, and undoes all of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from bot.core.json_text import JsonObject
from bot.core.ledger import Changed, Ledger, LedgerEntry
from bot.core.policy.privacy import Privacy
from bot.core.questions.undo import UNDO
from bot.core.untrusted import mapping, reference
from bot.pace import UNKNOWN_SIZE, offload
from bot.slack.approval_handler import NOTHING, UNDO_OVER, ApprovalHandler, pressed_on, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import ledger, ledger_window, messages
from bot.slack.blocks.forms import Opened
from bot.slack.blocks.ledger_window import Contents
from bot.slack.intake import replies
from bot.slack.intake.question_clicks import pressed_at
from bot.slack.intake.response import Response

log = logging.getLogger(__name__)

MAX_ENTRIES = 100
"""Calls that a window is about."""
COMMENT = "Everything that has changed"


async def press(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Handle a button of a ledger. Raises ValueError if it is not one of ours."""
    name, value = reference(action.get("action_id")), action.get("value")
    match name:
        case ledger.SHOW:
            return Response(work=show(handler, asked, body, ledger.opened(value)))
        case ledger.UNDO:
            return Response(await _undo_all(handler, asked, body, ledger.opened(value)))
        case ledger.PAGE:
            return Response(work=_turn_page(handler, asked, body, ledger_window.opened(value), post=False))
        case ledger.FILE:
            return Response(work=_turn_page(handler, asked, body, ledger_window.opened(value), post=True))
        case _:
            raise ValueError("not a button of ours")


async def _undo_all(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, turn: int) -> str:
    """Request the undo of everything that a turn has changed, in one transaction. Return the message to the person."""
    record = await handler.store.turn_record(turn, 0)
    channel = pressed_on(body, ("", "")).channel
    if record is None or record.place.channel != channel:
        return NOTHING
    requests: list[Opened] = []
    for id_ in await handler.store.offered_undos(turn):
        found = await handler.store.find_question(id_)
        if found is not None:
            requests.append(Opened(found.id, found.digest, found.channel, found.message_ts, record.place.thread_ts))
    if not requests:
        return UNDO_OVER
    return await handler.settle(asked, requests, body, UNDO, button="undo all", kind=UNDO)


async def show(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, turn: int, *, whole_thread: bool = False
) -> None:
    """Open the window with what a turn or its thread has changed, for a button in this thread's conversation."""
    found = await handler.store.ledger(turn, MAX_ENTRIES, whole_thread=whole_thread)
    channel = reference(mapping(body.get("channel")).get("id"))
    if found is None or found.place.channel != channel:
        view = ledger_window.message(ledger_window.GONE)
    else:
        contents = await _contents(handler, asked, body, turn, found, whole_thread=whole_thread)
        view = await _window(contents)
    await replies.show(handler.client, body, view)


async def _turn_page(
    handler: ApprovalHandler,
    asked: AuthorizationCheck,
    body: JsonObject,
    opened: ledger_window.Opened,
    *,
    post: bool,
) -> None:
    """Show another page of a window, if the person may still see it, or post all of it in the thread."""
    found = await handler.store.ledger(opened.turn, MAX_ENTRIES, whole_thread=opened.whole_thread)
    if found is None or not found.digest or found.digest != opened.digest:
        view = ledger_window.message(ledger_window.OUT_OF_DATE)
    else:
        contents = await _contents(handler, asked, body, opened.turn, found, whole_thread=opened.whole_thread)
        if post and contents is not None and contents.may_post:
            await _post(handler, found.thread_id, contents)
        view = await _window(contents, opened.page, posted=post)
    id_ = reference(mapping(body.get("view")).get("id"))
    if problem := await handler.windows.send(handler.client, id_, view, pressed_at(body)):
        log.warning("could not change a window: %s", problem)


async def _window(contents: Contents | None, page: int = 0, *, posted: bool = False) -> JsonObject:
    if contents is None:
        return ledger_window.message(ledger_window.PRIVATE)
    return await offload(contents.size, ledger_window.window, contents, page, posted=posted and contents.may_post)


async def _post(handler: ApprovalHandler, thread_id: int, contents: Contents) -> None:
    """Post all changes as a file, once for what has changed until now."""
    text = await offload(UNKNOWN_SIZE, ledger_window.in_a_file, contents)
    scope = "thread" if contents.whole_thread else "turn"
    key = f"ledger-{scope}-{contents.turn}-{len(contents.changed)}-{len(text)}"
    await handler.store.owe(thread_id, [messages.file(ledger_window.FILE_NAME, text, COMMENT, key=key)])
    handler.wake(thread_id)


async def _contents(
    handler: ApprovalHandler,
    asked: AuthorizationCheck,
    body: JsonObject,
    turn: int,
    found: Ledger,
    *,
    whole_thread: bool,
) -> Contents | None:
    """Return what a person may see of a ledger; None if that is nothing."""
    # What people were asked about in private stays private, also when the conversation sees everything since.
    asked_openly = all(each.approval is None or each.approval.privacy == Privacy.FULL for each in found.entries)
    is_open = asked_openly and await handler.privacy(found.place) is Privacy.FULL
    entries = found.entries if is_open else await _theirs(asked, user_of(body), found.entries)
    if found.entries and not entries:
        return None
    changed = await _combined(handler, [each for each in entries if each.changed])
    others = [each for each in entries if not each.changed]
    more = found.more if is_open else 0
    return Contents(turn, whole_thread, found.digest, changed, others, more, may_post=is_open)


async def _theirs(asked: AuthorizationCheck, user: str, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Return the changes that a person has asked for or may decide about: where the conversation may not see what a
    call was given, nobody else does."""

    async def may(entry: LedgerEntry) -> bool:
        if entry.requester == user or entry.approval is None:
            return entry.requester == user
        ways = (asked.entitled(user, entry.approval, approving=approving) for approving in (False, True))
        return True in await asyncio.gather(*ways)

    found = await asyncio.gather(*map(may, entries))
    return [entry for entry, theirs in zip(entries, found, strict=True) if theirs]


async def _combined(handler: ApprovalHandler, entries: Sequence[LedgerEntry]) -> list[Changed]:
    """Return what calls have changed, each thing once, in the order in which the things were changed first."""
    made: list[tuple[int, Changed]] = []
    for server in dict.fromkeys(entry.call.server for entry in entries):
        mine = [(at, entry) for at, entry in enumerate(entries) if entry.call.server == server]
        changed = await handler.toolset.guard(server).combined([entry for _, entry in mine])
        made += [(mine[each.at][0], each) for each in changed]
    return [each for _, each in sorted(made, key=lambda pair: pair[0])]
