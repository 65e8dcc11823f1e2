"""Limits the rate of the requests to Slack that are made in the background."""

from __future__ import annotations

import asyncio
import time


class TokenBucket:
    """A token bucket: allows `burst` requests at once, and `per_minute` more a minute."""

    def __init__(self, burst: int, per_minute: float) -> None:
        self._burst, self._per_minute = float(burst), per_minute
        self._left, self._at = self._burst, time.monotonic()

    def take(self) -> float:
        """Return the seconds to wait until the next request, which counts as made then."""
        now = time.monotonic()
        self._left, self._at = min(self._burst, self._left + (now - self._at) * self._per_minute / 60), now
        self._left -= 1
        return max(0.0, -self._left * 60 / self._per_minute)

    async def wait(self) -> None:
        """Wait until another request may be made."""
        if seconds := self.take():
            await asyncio.sleep(seconds)
