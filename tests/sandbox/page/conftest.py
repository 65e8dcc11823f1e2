"""A sandbox with its page, two people, a channel, the SDK's client of the app, and a page that is open."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import Channel, Person
from slack_sandbox.page import Page
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.page.client import Viewer, viewer


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(bot_name="Colleague", team_name="Try") as sandbox:
        yield sandbox


@pytest.fixture
async def page(slack: SlackSandbox) -> AsyncIterator[Page]:
    async with Page(slack) as served:
        yield served


@pytest.fixture
async def view(page: Page) -> AsyncIterator[Viewer]:
    async with viewer(page) as viewing:
        yield viewing


@pytest.fixture
def alice(slack: SlackSandbox) -> Person:
    return slack.add_person("Alice Smith")


@pytest.fixture
def bob(slack: SlackSandbox) -> Person:
    return slack.add_person("Bob Jones")


@pytest.fixture
def general(slack: SlackSandbox, alice: Person, bob: Person) -> Channel:
    return slack.add_channel("general", members=[alice, bob])


@pytest.fixture
async def client(slack: SlackSandbox) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


@pytest.fixture
async def app(slack: SlackSandbox, client: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    bolt = AsyncApp(client=client, name="bolt")

    @bolt.event("message")
    async def ignore() -> None: ...

    handler = AsyncSocketModeHandler(bolt, slack.app_token, ping_interval=1)  # type: ignore[arg-type]
    await handler.connect_async()
    await slack.connected()
    yield bolt
    await handler.close_async()
