"""Opens the window in which people review and decide requests for approval, and handles the buttons in it.

It is used for the requests of a list, and for a request whose message does not show what the call would do.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.calls import CallState
from bot.core.json_text import JsonObject
from bot.core.questions.granted import GRANTED
from bot.core.questions.question import Approval, Decision
from bot.core.untrusted import items, mapping, reference
from bot.pace import offload
from bot.slack.approval_handler import NOTHING, UNVERIFIED, ApprovalHandler, pressed_on, user_of
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import review_window
from bot.slack.blocks.forms import seal, unseal
from bot.slack.blocks.review_set import ReviewSet, awaits, chosen, current, is_hidden, review_set
from bot.slack.blocks.review_window import Review, Rights
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.intake import replies
from bot.slack.intake.question_clicks import pressed_at
from bot.slack.intake.response import Response

log = logging.getLogger(__name__)

CHANGED = "This has changed since you opened it. Nothing was decided; you now see the current state."
EDITED = "Your version is shown here. Nothing runs before it is approved."
BELOW = "review"
"""The key under which a window keeps what the window below it shows."""
AGAIN_SECONDS, AGAIN_EVERY = 5.0, 0.1
"""Seconds to wait for the request that replaces an edited one, and seconds between two checks."""
FOR_MEMBERS = "Only active members of this workspace can see this."
FOR_DECIDERS = "Only the person who asked and those who may decide can see this."


@dataclass(frozen=True, slots=True)
class Found:
    """The requests that a button or a window is about."""

    approvals: Sequence[Approval]
    """As they are now."""
    same: bool
    """Whether they are what was shown."""


async def find(handler: ApprovalHandler, these: ReviewSet, user: str, channel: str) -> Found | None:
    """Return the requests that a button or a window in a channel is about; None if this person sees no such card there.

    One that was edited since is the version of it that is on the card now.
    """
    message = await handler.store.questions_of_message(these.first)
    requests = [each for each in message if isinstance(each, Approval) and each.kind != GRANTED]
    # Followed by their calls, since an edited request has another id than the one that it replaces.
    calls = {approval.call.id for approval in chosen(requests, these)}
    card, _ = current(requests)
    shown = [approval for approval in card if approval.call.id in calls and approval.shown_to(user, channel)]
    if not shown or not user:
        return None
    return Found(shown, same=review_set(shown) == these)


async def rights(asked: AuthorizationCheck, user: str, approvals: Sequence[Approval]) -> Rights:
    """Return what a person may do with requests. If Slack does not answer, everything is offered: the right is checked
    again when they decide."""
    waiting = [approval for approval in approvals if awaits(approval)]
    ways = ((each, way) for each in waiting for way in (True, False))
    answers = await asyncio.gather(*(asked.entitled(user, each, approving=way) for each, way in ways))
    return Rights(
        frozenset(each.id for each, may in zip(waiting, answers[::2], strict=True) if may is not False),
        frozenset(each.id for each, may in zip(waiting, answers[1::2], strict=True) if may is not False),
    )


async def may_see(asked: AuthorizationCheck, user: str, approvals: Sequence[Approval]) -> bool | None:
    """Return whether a person may see the requests in full; None if Slack does not say who they are."""
    hidden = [approval for approval in approvals if is_hidden(approval)]
    ways = ((each, way) for each in hidden for way in (False, True))
    found = await asyncio.gather(*(asked.entitled(user, each, approving=way) for each, way in ways))
    pairs = [found[at : at + 2] for at in range(0, len(found), 2)]
    if any(True not in pair and None not in pair for pair in pairs):
        return False
    return True if all(True in pair for pair in pairs) else None


async def open_window(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, these: ReviewSet) -> None:
    """Open the window of a card, or explain to the person why it cannot be opened."""
    user, place = user_of(body), pressed_on(body, (these.first, these.digest))
    found = await find(handler, these, user, place.channel)
    if found is None:
        await replies.send(handler.client, body, NOTHING)
        return
    may = await may_see(asked, user, found.approvals)
    if not may:
        stranger = FOR_MEMBERS if asked.stranger(user) else FOR_DECIDERS
        await replies.send(handler.client, body, asked.unknown(UNVERIFIED) if may is None else stranger)
        return
    can = await rights(asked, user, found.approvals)
    first = 0 if len(found.approvals) > 1 and any(map(is_hidden, found.approvals)) else 1
    review = Review(review_set(found.approvals), place.channel, place.message_ts, place.thread_ts, first)
    await replies.show(handler.client, body, await render(found.approvals, review, can))


async def on_button(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject
) -> Response:
    """Turn a page, or include or leave out a request. Raises ValueError if the button is not one of ours."""
    view = mapping(body.get("view"))
    review = review_window.with_checked(review_window.unsealed(view), view)
    name = reference(action.get("action_id"))
    if name.startswith(review_window.TURN):
        page, part = review_window.turned(str(action.get("value") or ""))
        return Response(work=redraw(handler, asked, body, replace(review, page=page, part=part)))
    if name != review_window.INCLUDE:
        raise ValueError("not a button of ours")
    number = str(review.page)
    out = review.excluded - {number} if items(action.get("selected_options")) else review.excluded | {number}
    # This update only changes the label of the submit button, so it may be dropped: it must not undo the turning of a
    # page that followed.
    return Response(work=redraw(handler, asked, body, replace(review, excluded=out), unless_changed=True))


async def redraw(
    handler: ApprovalHandler,
    asked: AuthorizationCheck,
    body: JsonObject,
    review: Review,
    words: str = "",
    *,
    unless_changed: bool = False,
    view_id: str = "",
    at: str = "",
) -> None:
    """Show a review in its window, as the requests are now, if the person may still see them.

    view_id, at: the window, and when it was clicked, if it is not the one of the payload.
    """
    user = user_of(body)
    found = await find(handler, review.these, user, review.channel)
    if found is None or not await may_see(asked, user, found.approvals):
        return
    can = await rights(asked, user, found.approvals)
    if not found.same:
        review, words = replace(review, part=0), words or CHANGED
    view = mapping(body.get("view"))
    shown = await render(found.approvals, review, can, words)
    known = {"hash": reference(view.get("hash"))} if unless_changed else {}
    at, id = at or pressed_at(body), view_id or reference(view.get("id"))
    problem = await handler.windows.send(handler.client, id, shown, at, **known)
    if problem not in ("", "hash_conflict"):
        log.warning("could not change a window: %s", problem)


async def redraw_with_message(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, words: str
) -> None:
    """Redraw a window after a click in it, with a message to the person."""
    view = mapping(body.get("view"))
    review = review_window.with_checked(review_window.unsealed(view), view)
    await redraw(handler, asked, body, review, words)


async def push(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, view: JsonObject | str, *, keeps: bool
) -> None:
    """Open a window on top of the one in which a button was pressed, or say there why it cannot be opened.

    keeps: whether the window below is shown again, with its current state, once this one is submitted.
    """
    if isinstance(view, str):
        await redraw_with_message(handler, asked, body, view)
        return
    below = mapping(body.get("view"))
    if keeps:
        review = review_window.with_checked(review_window.unsealed(below), below)
        opened, extra = unseal(view)
        view = {**view, "private_metadata": seal(opened, {**extra, BELOW: review_window.sealed(review)})}
    try:
        await handler.client.views_push(trigger_id=reference(body.get("trigger_id")), view=view)
    except SLACK_ERRORS as error:
        code = code_of(error)
        log.warning("could not open a window: %s", code)
        if code not in replies.OPEN_ALREADY:
            await redraw_with_message(handler, asked, body, replies.not_opened(code))


async def redraw_after_edit(handler: ApprovalHandler, body: JsonObject) -> None:
    """Redraw the window below the one in which a request was edited, once the changed request is recorded."""
    view = mapping(body.get("view"))
    try:
        opened, extra = unseal(view)
        review = review_window.kept(opened, mapping(extra.get(BELOW)))
    except ValueError:
        return
    below = reference(view.get("root_view_id"))
    at, until = handler.windows.latest(below), time.monotonic() + AGAIN_SECONDS
    while time.monotonic() < until:
        card, _ = current(await handler.store.questions_of_message(opened.approval))
        if all(each.decision is not Decision.EDITED or each.call.state is CallState.FINISHED for each in card):
            break
        await asyncio.sleep(AGAIN_EVERY)
    asked = handler.authorizer.begin_check()
    await redraw(handler, asked, body, review, EDITED, view_id=below, at=at)


async def render(approvals: Sequence[Approval], review: Review, can: Rights, words: str = "") -> JsonObject:
    size = sum(approval.size for approval in approvals)
    return await offload(size, review_window.window, approvals, review, can, words)
