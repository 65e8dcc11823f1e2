"""Updates windows from background work, so that each shows what follows from the latest click in it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.json_text import JsonObject
from bot.slack.delivery.errors import SLACK_ERRORS, code_of

MAX_WINDOWS = 1_000
"""Windows that were updated last. Of earlier ones no update is under way."""
CLOSED = ("not_found", "view_not_found")
"""Slack's codes for a window that was closed."""


@dataclass(slots=True)
class _Window:
    latest: str = ""
    """When the click was made whose consequences were sent last, as a timestamp of Slack's."""
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)


class WindowUpdates:
    """Keeps the order of updates; one instance per process."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def latest(self, id: str) -> str:
        """Return the time of the latest click whose consequences a window shows; empty if none is known."""
        found = self._windows.get(id)
        return found.latest if found is not None else ""

    async def send(self, client: AsyncWebClient, id: str, view: JsonObject, at: str, **more: Any) -> str:
        """Show this in a window, unless it shows what follows from a later click. Return Slack's code if it refuses or
        does not answer; empty if it is shown, of no use any more, or if the window was closed.

        Args:
            id: of the window.
            at: when the click was made, as a timestamp of Slack's; empty if Slack did not say.
            more: other arguments of views.update.
        """
        window = self._windows.setdefault(id, _Window())
        self._windows.move_to_end(id)
        while len(self._windows) > MAX_WINDOWS:
            self._windows.popitem(last=False)
        # One at a time: two requests may overtake each other on their way.
        async with window.sending:
            if at and at < window.latest:
                return ""
            window.latest = at or window.latest
            try:
                await client.views_update(view_id=id, view=view, **more)
            except SLACK_ERRORS as error:
                code = code_of(error)
                return "" if code in CLOSED else code
        return ""
