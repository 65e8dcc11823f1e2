"""What running turns are doing, and when it is time to show it: after a moment, then as often as Slack allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.limits import Limits
from bot.core.posts import Draft
from bot.slack.blocks import messages


@dataclass(slots=True)
class _Showing:
    words: str
    shown: str = ""
    timer: asyncio.TimerHandle | None = None


class Progress:
    """One entry a running turn. Only decides; `Outbox` posts, updates and removes the message."""

    def __init__(self, limits: Limits, wake: Callable[[int], None]) -> None:
        """`wake` asks for a thread to be brought in step."""
        self._limits = limits
        self._wake = wake
        self._running: dict[int, _Showing] = {}

    def tell(self, thread_id: int, words: str) -> None:
        """The turn is doing this now."""
        showing = self._running.get(thread_id)
        if showing is None:
            showing = self._running[thread_id] = _Showing(words)
            self._set(thread_id, showing, self._limits.progress_after_seconds)
        elif words != showing.words:
            due = showing.timer is None and showing.words != showing.shown
            showing.words = words
            if showing.timer is None and not due:
                self._set(thread_id, showing, self._limits.progress_every_seconds)

    def end(self, thread_id: int) -> None:
        """The turn has ended or waits."""
        showing = self._running.pop(thread_id, None)
        if showing is not None and showing.timer is not None:
            showing.timer.cancel()

    def resting(self, thread_id: int) -> bool:
        """Whether no turn is running in this thread."""
        return thread_id not in self._running

    def due(self, thread_id: int) -> Draft | None:
        """The message to show now, when its time has come and it says something new."""
        showing = self._running.get(thread_id)
        if showing is None or showing.timer is not None or showing.words == showing.shown:
            return None
        showing.shown = showing.words
        self._set(thread_id, showing, self._limits.progress_every_seconds)
        return messages.progress(showing.words)

    def _set(self, thread_id: int, showing: _Showing, seconds: float) -> None:
        def ring() -> None:
            showing.timer = None
            if showing.words != showing.shown:
                self._wake(thread_id)

        showing.timer = asyncio.get_running_loop().call_later(seconds, ring)
