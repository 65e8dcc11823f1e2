"""The app's Home: the standing grants of a person, each with a button that ends it."""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.core.outside import reference
from bot.slack.blocks import home
from bot.slack.desk import Desk, user_of
from bot.slack.posting import TROUBLES, code_of

log = logging.getLogger(__name__)


def register(app: AsyncApp, desk: Desk) -> None:
    """Listen to people who open the Home, and to its buttons."""

    async def publish(user: str) -> None:
        grants = await desk.store.grants(desk.people.team, user)
        for grant in grants:
            tool = desk.toolset.find(grant.tool)
            if tool is not None and tool.digest != grant.tool_digest:
                await desk.store.end_grant(grant.id, "void")
        try:
            held = await desk.store.grants(desk.people.team, user)
            await desk.client.views_publish(user_id=user, view=home.home(held))
        except TROUBLES as error:
            log.warning("could not show %s the Home: %s", user, code_of(error))

    async def on_opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "home" and (user := reference(event.get("user"))):
            desk.background(publish(user))

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
        ended = await desk.store.end_grant(grant, "revoked", user)
        log.info("%s revokes grant %s: %s", user, grant, "done" if ended else "not theirs, or ended before")
        await ack()
        desk.background(publish(user))

    app.event("app_home_opened")(on_opened)
    app.action(home.REVOKE)(on_revoke)
