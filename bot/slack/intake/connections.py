"""Handles the button in the app's Home with which a person disconnects their account of a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.approval_handler import ApprovalHandler, user_of
from bot.slack.blocks import home


def register(app: AsyncApp, handler: ApprovalHandler, publish: Callable[[str], Awaitable[None]]) -> None:
    """Listen to the button. In: what shows a person their Home."""

    async def on_disconnect(ack: AsyncAck, body: dict[str, Any]) -> None:
        user = user_of(body)
        try:
            server = home.opened_server(str(body["actions"][0].get("value") or ""))
        except ValueError:
            server = ""
        await ack()
        if user and server:
            handler.background(disconnect(user, server))

    async def disconnect(user: str, server: str) -> None:
        if handler.connections is not None:
            await handler.connections.disconnect(user, server)  # of this person alone, whatever the button says
            await publish(user)

    app.action(home.DISCONNECT)(on_disconnect)
