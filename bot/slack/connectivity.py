"""Tracks when a Socket Mode connection was last known to work, and records each outage before reconnecting."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

BEAT_SECONDS = 30.0
"""How often the time of the last working connection is recorded. After a kill, an outage is assumed to have begun up to
this much earlier than it did."""


class Connectivity:
    """What the socket reports about its connections; one instance per process."""

    def __init__(
        self,
        begin_outage: Callable[[float], Awaitable[int]] | None = None,
        read: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Track connections.

        Args:
            begin_outage: records an outage and returns its number. In: the Unix time at which it began, or 0 for the
                last
                connection of an earlier process.
            read: is called when a new connection is open and there was an outage.
            clock: returns Unix time in seconds.
        """
        self._begin_outage = begin_outage
        self._read = read
        self._clock = clock
        self._heard = 0.0
        self._recorded = -1.0
        """When the outage began that was recorded last, in Unix seconds."""
        self._outage = 0
        self.over = 0
        """The number of the last outage that has ended. What is read from now on covers it and all before it."""
        self._pong: Callable[[], float] = lambda: 0.0

    @property
    def last(self) -> float:
        """Unix time at which a connection was last known to work; 0 if this process has had none."""
        return max(self._heard, self._pong())

    def received(self) -> None:
        """Note that something has arrived."""
        self._heard = self._clock()

    async def opening(self) -> None:
        """Record an outage, if there was one, before a connection is opened.

        It has to be recorded before anything newer arrives. Raises StoreError.
        """
        since = self.last
        if self._begin_outage is not None and since != self._recorded:
            self._outage = await self._begin_outage(since)
            self._recorded = since

    def opened(self, pong: Callable[[], float]) -> None:
        """Note that a connection is open.

        pong: returns the Unix time of the last ping that was answered; 0 if none was.
        """
        self._pong = pong
        self.received()
        self.over = self._outage
        if self._outage and self._read is not None:
            self._read()
