"""Finds the direct messages that the bot has with people. Slack gives their ids when something is posted to a person;
when that answer was lost, the list of the bot's direct messages has them.

The list is read once for all people whose messages may have arrived before: a direct message that is not in it then did
not exist, and neither did a message in it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.posts import Action
from bot.core.untrusted import items, mapping, reference
from bot.slack.delivery.errors import Next, code_of, what_follows

log = logging.getLogger(__name__)

LISTED = 999
"""Direct messages asked for at a time; Slack's limit (docs.slack.dev/reference/methods/users.conversations)."""
MAX_PAGES = 100
"""Pages of the list that are read. Beyond that a person may get a message twice."""

Workspaces = Callable[[], Awaitable[Sequence[str | None]]]
"""Returns the workspaces to name in requests, one after the other; None stands for the token's own."""


async def one_workspace() -> Sequence[str | None]:
    """Return that of the token."""
    return (None,)


class DirectMessages:
    """Who is in which direct message; one instance per process."""

    def __init__(self, client: AsyncWebClient, workspaces: Workspaces = one_workspace) -> None:
        self._client, self._workspaces = client, workspaces
        self._known: dict[str, str] = {}
        self._listed_at = float("-inf")
        """When the list was last read, on the monotonic clock."""
        self._listing = asyncio.Lock()

    def learn(self, person: str, channel: str) -> None:
        """Take note of the direct message with a person."""
        self._known[person] = channel

    async def find(self, person: str, since: float) -> str:
        """Return the direct message with a person; empty if there was none at a moment of the monotonic clock, or Slack
        does not say. Raises SLACK_ERRORS."""
        async with self._listing:
            if person not in self._known and self._listed_at < since:
                begun = time.monotonic()
                await self._list()
                self._listed_at = begun
        return self._known.get(person, "")

    async def _list(self) -> None:
        for workspace in await self._workspaces():
            cursor = ""
            for _ in range(MAX_PAGES):
                try:
                    page: Any = await self._client.users_conversations(
                        types="im", limit=LISTED, cursor=cursor or None, team_id=workspace
                    )
                except SlackApiError as error:
                    if what_follows(error, Action.READ) is not Next.GIVE_UP:
                        raise
                    # Without permission to list, a duplicate message is better than a lost one.
                    log.error("cannot list direct messages (%s)", code_of(error))
                    break
                for each in map(mapping, items(page.get("channels"))):
                    if (person := reference(each.get("user"))) and (channel := reference(each.get("id"))):
                        self._known[person] = channel
                cursor = str(mapping(page.get("response_metadata")).get("next_cursor") or "")
                if not cursor:
                    break
