"""The stand-in's clock, which tests can move forward instead of sleeping."""

import time


class Clock:
    """Wall time plus an offset. Expiry of triggers, response URLs, streams and rate limits reads it; timers do not."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._last_micros = 0

    def now(self) -> float:
        """Seconds since the epoch, offset included."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._offset += seconds

    def ts(self) -> str:
        """A new message timestamp: `seconds.micros`, unique and increasing, as Slack's are within a channel."""
        micros = max(int(self.now() * 1_000_000), self._last_micros + 1)
        self._last_micros = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
