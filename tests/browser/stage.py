"""Slack with its page in the test's own loop, for apps that do whatever a test wants."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import Channel, Json, Person
from slack_sandbox.page.server import Page
from slack_sandbox.slack import SlackSandbox


@dataclass
class Stage:
    """Slack with its page, and an app that posts what it is told to."""

    slack: SlackSandbox
    page: Page
    client: AsyncWebClient
    alice: Person
    general: Channel

    async def post(self, text: str, blocks: list[Json] | None = None, thread: str | None = None) -> str:
        """A message of the app's. Out: its ts."""
        posted = await self.client.chat_postMessage(
            channel=self.general.id, text=text, blocks=blocks, thread_ts=thread, unfurl_links=False
        )
        return str(posted["ts"])


@asynccontextmanager
async def staged() -> AsyncGenerator[Stage]:
    """A workspace with Alice, Bob and #general, and no program behind the app."""
    async with SlackSandbox() as slack:
        alice, bob = slack.add_person("Alice Smith"), slack.add_person("Bob Jones")
        general = slack.add_channel("general", members=[alice, bob])
        client = AsyncWebClient(slack.bot_token, slack.api_url)
        async with Page(slack) as page:
            yield Stage(slack, page, client, alice, general)
