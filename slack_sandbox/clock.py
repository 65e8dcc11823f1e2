"""The sandbox's clock, which tests can move forward instead of sleeping."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Timer:
    """A pending call of `Clock.call_later`."""

    due: float
    callback: Callable[[], None]
    handle: asyncio.TimerHandle | None = None
    done: bool = False

    def cancel(self) -> None:
        """Do not call."""
        self.done = True
        if self.handle is not None:
            self.handle.cancel()


class Clock:
    """Wall time plus an offset.

    Expiry of triggers, response URLs, streams and rate limits reads it, and so do message timestamps; `call_later` is
    called early when `advance` reaches its time. The acknowledgement timeout runs in real time.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._last_micros = 0
        self._timers: list[Timer] = []

    def now(self) -> float:
        """Seconds since the epoch, offset included."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward, and make the calls that have become due, the earliest first."""
        self._offset += seconds
        for timer in sorted(self._timers, key=lambda timer: timer.due):
            if timer.due <= self.now():
                self._fire(timer)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once `seconds` have passed on this clock. Needs a running loop."""
        timer = Timer(self.now() + seconds, callback)
        timer.handle = asyncio.get_running_loop().call_later(seconds, self._fire, timer)
        self._timers = [other for other in self._timers if not other.done]
        self._timers.append(timer)
        return timer

    def _fire(self, timer: Timer) -> None:
        if not timer.done:
            timer.cancel()
            timer.callback()

    def ts(self) -> str:
        """A new message timestamp: `seconds.micros`, unique and increasing, as Slack's are within a channel."""
        micros = max(int(self.now() * 1_000_000), self._last_micros + 1)
        self._last_micros = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
