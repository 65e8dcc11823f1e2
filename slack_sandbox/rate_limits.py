"""Slack's rate limits, when a test asks for them.

Source: docs.slack.dev/apis/web-api/rate-limits. A method allows its tier's calls a minute; chat.postMessage allows one
message a second in a channel, with short bursts. Slack gives no number for the burst; `BURST` was chosen.
"""

from typing import Any

from slack_sandbox.methods import METHODS

BURST = 5


class Bucket:
    """A token bucket."""

    __slots__ = ("at", "level", "rate", "size")

    def __init__(self, rate: float, size: float, now: float) -> None:
        self.rate, self.size, self.level, self.at = rate, size, size, now

    def take(self, now: float) -> float:
        """0.0 when there was a token, else the seconds until there is one."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1.0:
            self.level -= 1.0
            return 0.0
        return (1.0 - self.level) / self.rate


class RateLimits:
    """The buckets of one app in one workspace."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def check(self, method: str, args: dict[str, Any], now: float) -> int | None:
        """None when the call may go on, else the whole seconds for `Retry-After`."""
        found = METHODS.get(method)
        if found is None:
            return None
        if method == "chat.postMessage":
            key, rate, size = (method, str(args.get("channel"))), 1.0, float(BURST)
        else:
            key, rate, size = (method, ""), found.tier / 60.0, float(found.tier)
        bucket = self._buckets.setdefault(key, Bucket(rate, size, now))
        wait = bucket.take(now)
        return None if wait == 0.0 else int(wait) + 1
