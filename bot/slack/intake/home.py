"""Handles the app's Home: lists what waits for a person, their open turns, their standing grants, and the costs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot import log_events
from bot.core import cost_view, periods
from bot.core.cost_view import CostList
from bot.core.ports.toolset import bound
from bot.core.untrusted import reference
from bot.slack.approval_handler import ApprovalHandler, user_of
from bot.slack.blocks import home
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.intake import connections

log = logging.getLogger(__name__)


def register(app: AsyncApp, handler: ApprovalHandler) -> None:
    """Listen to the opening of the Home, and to its buttons."""

    publishing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def publish(user: str) -> None:
        # One at a time: of two requests, the one with the older state might come last.
        async with publishing.setdefault(user, asyncio.Lock()):
            await _publish(handler, user)

    async def on_opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "home" and (user := reference(event.get("user"))):
            handler.background(publish(user))

    async def on_revoke(ack: AsyncAck, body: dict[str, Any]) -> None:
        user = user_of(body)
        try:
            grant = home.opened_grant(str(body["actions"][0].get("value") or ""))
        except ValueError:
            grant = 0
        # Without a name any grant would be ended: the store then takes it for our own doing.
        if not grant or not user:
            await ack()
            return
        ended = await handler.store.end_grant(grant, "revoked", user)
        log_events.grant_revoked(user, grant, ended=ended)
        await ack()
        handler.background(publish(user))

    async def on_stop(ack: AsyncAck, body: dict[str, Any]) -> None:
        user = user_of(body)
        try:
            turn = home.opened_turn(str(body["actions"][0].get("value") or ""))
        except ValueError:
            turn = 0
        # The store looks whether it is theirs: a forged value stops nothing of anybody else.
        thread_id = await handler.store.stop(turn, user) if turn and user else 0
        await ack()
        if thread_id:
            log_events.turn_stopped(user, turn, "home")
            handler.wake(thread_id)
        if user:
            handler.background(publish(user))

    app.event("app_home_opened")(on_opened)
    app.action(home.STOP)(on_stop)
    app.action(home.REVOKE)(on_revoke)
    connections.register(app, handler, publish)


async def _publish(handler: ApprovalHandler, user: str) -> None:
    """Show a person their Home as it is now."""
    grants = await handler.store.grants(handler.authorizer.team, user)
    for grant in grants:
        tool = bound(handler.toolset, grant.tool, grant.value)
        if tool is not None and tool.digest != grant.tool_digest:
            await handler.store.end_grant(grant.id, "void")
    try:
        held = await handler.store.grants(handler.authorizer.team, user)
        groups = await handler.authorizer.groups(user) or frozenset()
        waiting = await handler.store.waiting_for(user, groups, home.MAX_WAITING)
        sums = await handler.store.sums(handler.costs.keys(user, groups, time.time()))
        connected = await handler.connections.connected(user) if handler.connections else ()
        operates = handler.costs.is_operator(user, groups)
        view = home.home(
            held,
            waiting,
            handler.url,
            handler.costs.lines(sums),
            connected=connected,
            servers=[state.line() for state in handler.toolset.states()] if operates else (),
            cost_lists=await _cost_lists(handler, time.time()) if operates else (),
        )
        await handler.client.views_publish(user_id=user, view=view)
    except SLACK_ERRORS as error:
        log.warning("could not show %s the Home: %s", user, code_of(error))


async def _cost_lists(handler: ApprovalHandler, at: float) -> Sequence[CostList]:
    """Return what was spent by the whole team. It costs the same however many people and models there are."""
    keys = cost_view.team_keys(at)
    sums = await handler.store.sums(keys)
    month, most = periods.month(at), cost_view.MOST + 1
    largest = {by: await handler.store.largest_sums(by.value, month, most) for by in cost_view.LISTED}
    return cost_view.cost_lists(keys, sums, largest)
