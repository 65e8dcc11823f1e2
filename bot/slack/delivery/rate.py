"""Limits how often a message may be updated, to what Slack allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Hold:
    timer: asyncio.TimerHandle
    changed: bool = False


class UpdateRate:
    """One entry for each thread and kind of message that may not change yet."""

    def __init__(self, seconds: float, wake: Callable[[int], None]) -> None:
        """`seconds` is the interval between two updates of a message; `wake` requests a delivery for a thread."""
        self.seconds = seconds
        self._wake = wake
        self._holds: dict[tuple[int, str], _Hold] = {}

    def changed(self, thread_id: int, kind: str) -> None:
        """Note that the body has changed: wake the thread now, or as soon as messages of this kind may change again."""
        hold = self._holds.get((thread_id, kind))
        if hold is None:
            self._wake(thread_id)
        else:
            hold.changed = True

    def held(self, thread_id: int, kind: str) -> bool:
        """Whether it is too early for another update."""
        return (thread_id, kind) in self._holds

    def hold(self, thread_id: int, kind: str, seconds: float | None = None) -> None:
        """Allow no update for this long. Changes that were held back before count as made."""
        self.release(thread_id, kind)
        timer = asyncio.get_running_loop().call_later(
            self.seconds if seconds is None else seconds, self._end, thread_id, kind
        )
        self._holds[thread_id, kind] = _Hold(timer)

    def release(self, thread_id: int, kind: str) -> None:
        """End the hold without waking the thread."""
        hold = self._holds.pop((thread_id, kind), None)
        if hold is not None:
            hold.timer.cancel()

    def _end(self, thread_id: int, kind: str) -> None:
        if self._holds.pop((thread_id, kind)).changed:
            self._wake(thread_id)
