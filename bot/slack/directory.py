"""Who people are: display names, asked of Slack once and kept for a while."""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import ClientError
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

log = logging.getLogger(__name__)

KEPT_SECONDS = 3600.0
UNKNOWN_SECONDS = 60.0
"""How long the id does for a name that Slack did not tell."""
ASK_SECONDS = 3.0
MOST = 10_000
"""People kept in memory."""


class Directory:
    """Looks people up with `users.info` (scope users:read)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._names: dict[str, tuple[float, str]] = {}
        self._asking: dict[str, asyncio.Task[str]] = {}

    async def name(self, user: str) -> str:
        """A person's display name; the id when Slack does not tell."""
        known = self._names.get(user)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        task = self._asking.get(user)
        if task is None:
            task = self._asking[user] = asyncio.create_task(self._ask(user))
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        return await asyncio.shield(task)

    async def _ask(self, user: str) -> str:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                response = await self._client.users_info(user=user)
        except (SlackClientError, ClientError, TimeoutError, OSError) as error:
            log.warning("users.info for %s failed: %s", user, error or type(error).__name__)
            self._names[user] = (time.monotonic() + UNKNOWN_SECONDS, user)
            return user
        person: dict[str, object] = response.get("user") or {}
        profile = person.get("profile")
        fields = profile if isinstance(profile, dict) else {}
        name = fields.get("display_name") or fields.get("real_name") or person.get("real_name") or person.get("name")
        if len(self._names) >= MOST:
            self._names.clear()
        self._names[user] = (time.monotonic() + KEPT_SECONDS, str(name or user))
        return self._names[user][1]
