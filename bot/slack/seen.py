"""Marks messages that arrive while the bot works with a reaction, and removes it once they are read.

It is a courtesy: it is asked for once, nobody waits for it, and where Slack refuses it, nothing is said.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.inbox import is_in_slack
from bot.slack.delivery.errors import SLACK_ERRORS, code_of

EYES = "eyes"
MAX_MARKED = 500
"""Messages whose reaction is remembered."""
MAX_INHERITED = 20
"""Messages of one reading that an earlier process may have marked."""
INHERITED_SECONDS = 3_600.0
"""An earlier process marked only messages as old as that."""
_OFF = ("missing_scope", "not_allowed_token_type", "no_permission", "method_not_supported_for_channel_type")


class Seen:
    """The reactions of one process."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._marked: dict[tuple[str, str], None] = {}
        self._last: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._started = time.time()
        self._off = False

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._last

    def mark(self, channel: str, ts: str) -> None:
        """Mark a message, in the background."""
        if self._off or len(self._marked) >= MAX_MARKED:
            return
        self._marked[channel, ts] = None
        self._begin((channel, ts), add=True)

    def read(self, channel: str, timestamps: Iterable[str]) -> None:
        """Remove the reactions from messages, in the background."""
        inherited = 0
        for ts in timestamps:
            if not is_in_slack(ts):
                continue
            key = (channel, ts)
            if key in self._marked:
                del self._marked[key]
            elif self._off or not -INHERITED_SECONDS < float(ts) - self._started < 0 or inherited >= MAX_INHERITED:
                continue
            else:
                inherited += 1
            self._begin(key, add=False)

    def _begin(self, key: tuple[str, str], *, add: bool) -> None:
        task = asyncio.create_task(self._react(key, self._last.get(key), add=add))
        self._last[key] = task
        task.add_done_callback(lambda done: self._last.pop(key) if self._last.get(key) is done else None)

    async def _react(self, key: tuple[str, str], before: asyncio.Task[None] | None, *, add: bool) -> None:
        if before is not None:
            await asyncio.wait({before})
        if self._off:
            return
        react = self._client.reactions_add if add else self._client.reactions_remove
        try:
            await react(channel=key[0], timestamp=key[1], name=EYES)
        except SlackApiError as error:
            self._off = self._off or code_of(error) in _OFF
        except SLACK_ERRORS:
            pass
