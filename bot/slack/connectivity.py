"""Knows until when a connection to Slack surely worked, and has each outage recorded before the next one is opened."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

BEAT_SECONDS = 30.0
"""How often it is recorded that a connection works; a process that is killed was heard of at most so long before."""


class Connectivity:
    """What the socket reports of its connections; one instance per process."""

    def __init__(
        self,
        begin_outage: Callable[[float], Awaitable[int]] | None = None,
        read: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`begin_outage` records one, from a Unix time on or, if that is 0, from when an earlier process had a
        connection, and returns its number. `read` is called when there is a connection again, and something to be
        read."""
        self._begin_outage = begin_outage
        self._read = read
        self._clock = clock
        self._heard = 0.0
        self._recorded = -1.0
        """The outage that began then is recorded."""
        self._outage = 0
        self.over = 0
        """The number of the last outage that is over: what is read now makes up for it, and for those before."""
        self._pong: Callable[[], float] = lambda: 0.0

    @property
    def last(self) -> float:
        """Unix time until which a connection surely worked; 0 if this process has had none."""
        return max(self._heard, self._pong())

    def received(self) -> None:
        """Something has arrived."""
        self._heard = self._clock()

    async def opening(self) -> None:
        """A connection is about to be opened. What was missed since the last one has to be known to be missing before
        anything arrives that is newer. Raises StoreError."""
        since = self.last
        if self._begin_outage is not None and since != self._recorded:
            self._outage = await self._begin_outage(since)
            self._recorded = since

    def opened(self, pong: Callable[[], float]) -> None:
        """A connection is open. In: what returns when the ping was sent that was answered last; 0 if none was."""
        self._pong = pong
        self.received()
        self.over = self._outage
        if self._outage and self._read is not None:
            self._read()
