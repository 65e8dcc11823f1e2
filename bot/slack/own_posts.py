"""Tracks which messages of our own app this process has posted.

Other features and workflows of the app may post as the same bot user. What they post in a thread is context.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

MOST = 10_000
"""Messages that are remembered."""
SEND_SECONDS = 60.0
"""How long to wait for the answer to a post that is being sent."""


class OwnPosts:
    """The messages that were posted; one instance per process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], None] = {}
        self._sending = Counter[str]()
        self._sent = asyncio.Event()

    @contextmanager
    def sending(self, channel: str) -> Generator[None]:
        """Mark that a message is being posted in a channel: its event may arrive before Slack's answer."""
        self._sending[channel] += 1
        try:
            yield
        finally:
            self._sending[channel] -= 1
            if not self._sending[channel]:
                del self._sending[channel]
            self._sent.set()
            self._sent = asyncio.Event()

    def add(self, channel: str, ts: str) -> None:
        """Record that a message was posted or updated."""
        self._known[channel, ts] = None
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def knows(self, channel: str, ts: str) -> bool:
        """Return whether this process has posted or updated a message."""
        return (channel, ts) in self._known

    async def includes(self, channel: str, ts: str, seconds: float = SEND_SECONDS) -> bool:
        """Return whether this process has posted a message that has just appeared. Waits for posts under way in its
        channel, at most for these seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not self.knows(channel, ts) and self._sending[channel]:
                    await self._sent.wait()
        except TimeoutError:
            pass
        return self.knows(channel, ts)
