"""Shares out the calls that Slack allows a workspace for messages that live: streams, appends, updates. Pure.

Sources: docs.slack.dev/apis/web-api/rate-limits and the pages of the methods. What a message needs at its end is
reserved when it begins to live: a stream its stop, a message that is kept by update its last update. So what is final
does not wait for what is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

SHARE = 0.9
"""The part of Slack's limits that is used: others call the same methods."""
BURST = 10.0
"""Starts, and appends, that may follow each other at once."""
APPEND_SECONDS = 1.0
"""Between two appends to one stream, at least."""
PAUSE = 600.0
"""Seconds before a stream is tried again where Slack has refused to start one."""
KEPT_SECONDS = 600.0
"""Seconds for which the last update of a message is reserved after its last change."""
MAX_PLACES = 1_000
"""Channels that are remembered as refusing streams."""
FLOOR = 0.2
"""The part of its rate that a method keeps, however often Slack says that it was called too often."""


@dataclass(frozen=True, slots=True)
class Tiers:
    """Calls a minute that Slack allows: chat.startStream and chat.stopStream (tier 2), chat.appendStream (tier 4),
    chat.update (tier 3); chat.postMessage is limited by channel."""

    streams: int = 20
    appends: int = 100
    updates: int = 50
    posts: int = 60


class Bucket:
    """A token bucket: so many tokens a second come in, until it is full."""

    def __init__(self, rate: float, size: float, now: float) -> None:
        self._full_rate = self._rate = rate
        self._size = self._level = size
        self._at = now

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self._rate

    def level(self, now: float) -> float:
        """Return how many tokens there are; below 0 when some were taken in advance."""
        passed, self._at = max(0.0, now - self._at), now
        self._level = min(self._size, self._level + passed * self._rate)
        self._rate = min(self._full_rate, self._rate + self._full_rate * 0.1 * passed / 60.0)
        return self._level

    def wait(self, now: float, wanted: float = 1.0) -> float:
        """Return the seconds until there are so many tokens."""
        return max(0.0, wanted - self.level(now)) / self._rate

    def take(self, now: float) -> None:
        """Take a token, whether there is one or not."""
        self._level = max(-self._size, self.level(now) - 1.0)

    def drain(self, now: float, seconds: float) -> None:
        """Slack has refused a call: there is no token for so many seconds, and fewer come in for some minutes."""
        self._rate = max(self._full_rate * FLOOR, self._rate * 0.7)
        self._level = min(self.level(now), 1.0 - max(seconds, 1.0) * self._rate)


class StreamBudget:
    """The budget of one workspace. Messages are known by their numbers."""

    def __init__(self, tiers: Tiers | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds from any point in time on."""
        self._clock = clock
        now, tiers = clock(), tiers or Tiers()
        a_second = SHARE / 60.0
        self._starts = Bucket(tiers.streams * a_second, min(BURST, tiers.streams), now)
        self._stops = Bucket(tiers.streams * a_second, tiers.streams * SHARE, now)
        self._appends = Bucket(tiers.appends * a_second, min(BURST, tiers.appends), now)
        self._updates = Bucket(tiers.updates * a_second, tiers.updates * SHARE, now)
        self._a_channel = tiers.posts * a_second
        self._channels: dict[str, Bucket] = {}
        self._streams: dict[int, float] = {}
        """By message, when something was last appended."""
        self._kept: dict[int, float] = {}
        """The messages whose last update is reserved, with the time of their last change, in its order."""
        self._refused: dict[str, float] = {}
        """Until when no stream is started, by channel; "": anywhere."""
        self._strict_until = 0.0
        self._next_turn = 0.0
        self._turns: dict[int, float] = {}

    # Streams

    def may_start(self, channel: str, *, kept: bool = False) -> bool:
        """Return whether another stream may begin: only if a stop remains for each that is open. kept: whether its
        message is updated once it has ended."""
        now = self._clock()
        if max(self._refused.get("", 0.0), self._refused.get(channel, 0.0)) > now:
            return False
        if kept and not self.may_keep():
            return False
        return self._starts.level(now) >= 1.0 and self._stops.level(now) >= len(self._streams) + 1.0

    def started(self, post: int, *, kept: bool = False) -> None:
        """Note that a stream was requested, whatever Slack answered. kept: its message is updated once it has ended."""
        now = self._clock()
        if kept:
            self.keep(post)
        self._starts.take(now)
        self._streams[post] = now

    def refused(self, channel: str, *, everywhere: bool) -> None:
        """Slack does not start streams in this channel, or anywhere."""
        while len(self._refused) >= MAX_PLACES:
            del self._refused[next(iter(self._refused))]
        self._refused["" if everywhere else channel] = self._clock() + PAUSE

    def append_interval(self) -> float:
        """Return the seconds between two appends to one stream, which grow with the number of streams."""
        return max(APPEND_SECONDS, len(self._streams) / self._appends.rate)

    def append_wait(self, post: int) -> float:
        """Return the seconds until something may be appended to this stream."""
        now = self._clock()
        turn = self._streams.get(post, now) + self.append_interval() - now
        return max(0.0, turn, self._appends.wait(now))

    def appended(self, post: int) -> None:
        """Something was appended, or was to be."""
        now = self._clock()
        self._appends.take(now)
        self._streams[post] = now

    def stopped(self, post: int) -> None:
        """A stream was stopped, or was to be."""
        self._stops.take(self._clock())
        self._streams.pop(post, None)

    # Messages that are kept by update

    def may_keep(self) -> bool:
        """Return whether another message may be posted before it is final: there is an update left for its end."""
        now = self._clock()
        while self._kept and now - next(iter(self._kept.values())) > KEPT_SECONDS:
            del self._kept[next(iter(self._kept))]
        return self._updates.level(now) >= len(self._kept) + 1.0

    def keep(self, post: int) -> None:
        """Reserve the last update of a message."""
        self._kept.pop(post, None)
        self._kept[post] = self._clock()

    def update_interval(self, least: float) -> float:
        """Return the seconds between two updates of one message, which grow with the number of messages."""
        return max(least, len(self._kept) / self._updates.rate)

    def update_wait(self, post: int, *, final: bool) -> float:
        """Return the seconds until this message may be updated. What is final waits only after Slack has refused an
        update, and then for its turn."""
        now = self._clock()
        if not final:
            return self._updates.wait(now, len(self._kept) - (post in self._kept) + 1.0)
        if now >= self._strict_until:
            self._turns.clear()
            return 0.0
        if post not in self._turns:
            self._next_turn = max(self._next_turn, now) + 1.0 / self._updates.rate
            self._turns[post] = self._next_turn
            self._strict_until = max(self._strict_until, self._next_turn)
        return max(0.0, self._turns[post] - now)

    def updated(self, post: int, *, final: bool) -> None:
        """A message was updated, or was to be."""
        self._updates.take(self._clock())
        self._turns.pop(post, None)
        if final:
            self._kept.pop(post, None)
        elif post in self._kept:
            self.keep(post)

    def post_wait(self, channel: str) -> float:
        """Return the seconds until something that is not final may be posted in a channel."""
        bucket = self._channels.get(channel)
        return bucket.wait(self._clock()) if bucket else 0.0

    def posted(self, channel: str) -> None:
        """Something was posted in a channel."""
        now = self._clock()
        for name, bucket in list(islice(self._channels.items(), 2)):  # those that were not used for the longest time
            if bucket.wait(now, 3.0) <= 0.0:
                del self._channels[name]
        bucket = self._channels.pop(channel, None) or Bucket(self._a_channel, 3.0, now)
        bucket.take(now)
        self._channels[channel] = bucket

    # Both

    def limited(self, what: str, seconds: float) -> None:
        """Slack has answered 429 to a `start`, `append`, `stop` or `update`, and wants to be left alone for so many
        seconds."""
        now = self._clock()
        buckets = {"start": self._starts, "append": self._appends, "stop": self._stops, "update": self._updates}
        buckets[what].drain(now, seconds)
        if what == "update":
            self._strict_until = max(self._strict_until, now + max(seconds, 60.0))
            self._next_turn = max(self._next_turn, now + seconds)

    def forget(self, post: int) -> None:
        """Pause the work on a message: what was reserved for it is free, and it keeps its place in the order."""
        self._streams.pop(post, None)
        self._kept.pop(post, None)
