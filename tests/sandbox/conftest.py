"""A running Slack sandbox, the SDK's own client for it, a real Bolt app, and some people."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=0.2) as sandbox:
        yield sandbox


@pytest.fixture
async def client(slack: SlackSandbox) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


@pytest.fixture
def alice(slack: SlackSandbox) -> Person:
    return slack.add_person("Alice Smith")


@pytest.fixture
def general(slack: SlackSandbox, alice: Person) -> Channel:
    return slack.add_channel("general", members=[alice])


@pytest.fixture
async def app(slack: SlackSandbox, client: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    slack.hub.ack_timeout = 3.0
    bolt = AsyncApp(client=client, name="bolt")

    @bolt.event("message")
    async def ignore() -> None: ...

    handler = AsyncSocketModeHandler(bolt, slack.app_token, ping_interval=1)  # type: ignore[arg-type]
    await handler.connect_async()
    await slack.connected()
    yield bolt
    await handler.close_async()
