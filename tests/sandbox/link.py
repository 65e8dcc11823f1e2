"""A bare Socket Mode connection, without an SDK."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.slack import SlackSandbox

Json = dict[str, Any]


class Link:
    """One WebSocket of an app that acknowledges nothing by itself."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def frame(self) -> Json:
        """The next frame."""
        return await self.socket.receive_json(timeout=5)

    async def ack(self, frame: Json, payload: Json | None = None) -> None:
        """Acknowledge an envelope."""
        body: Json = {"envelope_id": frame["envelope_id"]}
        if payload is not None:
            body["payload"] = payload
        await self.socket.send_json(body)


@asynccontextmanager
async def link(slack: SlackSandbox) -> AsyncGenerator[Link]:
    """A connection to the sandbox, as a bare WebSocket."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(base_url=slack.api_url, session=session)
        opened = await client.apps_connections_open(app_token=slack.app_token)
        async with session.ws_connect(str(opened["url"])) as socket:
            connected = Link(socket)
            assert (await connected.frame())["type"] == "hello"
            yield connected
