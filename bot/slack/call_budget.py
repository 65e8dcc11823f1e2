"""How many calls of a method may still be made, for methods that Slack limits by the minute. Pure."""

from __future__ import annotations


class CallBudget:
    """A token bucket. Times are seconds of one monotonic clock."""

    def __init__(self, burst: float, per_minute: float) -> None:
        """So many calls at once, and then so many a minute: in no minute more than both together."""
        self._burst, self._rate = burst, per_minute / 60.0
        self._left, self._at = burst, 0.0

    def seconds_until(self, calls: float, now: float) -> float:
        """Return how long it takes until so many calls may be made; 0 if they may be made now."""
        self._fill(now)
        return max(0.0, (calls - self._left) / self._rate)

    def take(self, now: float) -> None:
        """Count a call as made."""
        self._fill(now)
        self._left -= 1.0

    def pause(self, seconds: float, now: float) -> None:
        """Allow no call for this long: Slack has refused one."""
        self._fill(now)
        self._left = min(self._left, 1.0 - seconds * self._rate)

    def _fill(self, now: float) -> None:
        if self._at:
            self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
