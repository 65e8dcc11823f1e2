"""A running Slack sandbox, the SDK's own client for it, and some people."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.model import Channel, Person
from bot.sandbox.slack import SlackSandbox


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
