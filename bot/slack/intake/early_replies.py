"""Keeps replies, and their edits, that arrive shortly before the message that begins their thread: Slack promises no
order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bot.core.amendments import Amendment
from bot.core.inbox import Incoming

SECONDS = 60.0
"""How long replies are kept. Of a first message that is later than a few seconds the whole thread is read anyway."""
MAX_THREADS = 100
MAX_REPLIES = 10
"""Replies and edits that are kept of each thread."""


class EarlyReplies:
    """Replies in threads that the bot does not know; one instance per process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, list[Incoming | Amendment]]] = {}
        """By channel and thread, with the time of the first; the oldest first."""

    def keep(self, message: Incoming | Amendment) -> None:
        """Keep a message that was ignored, or a change of one, if it is a reply."""
        if message.ts == message.place.thread_ts:
            return
        key, until = (message.place.channel, message.place.thread_ts), self._clock() - SECONDS
        while self._kept and (
            next(iter(self._kept.values()))[0] < until or (len(self._kept) >= MAX_THREADS and key not in self._kept)
        ):
            del self._kept[next(iter(self._kept))]
        _, found = self._kept.setdefault(key, (self._clock(), []))
        if len(found) < MAX_REPLIES:
            found.append(message)

    def before(self, message: Incoming) -> Sequence[Incoming | Amendment]:
        """Return what came of a thread before the message that begins it, the oldest reply first."""
        if not self._kept or message.ts != message.place.thread_ts:
            return ()
        _, found = self._kept.get((message.place.channel, message.ts), (0.0, ()))
        return sorted(found, key=lambda each: float(each.ts))
