"""What this process knows about posts in progress, in addition to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.json_text import JsonObject
from bot.core.ports.posts import Posts
from bot.core.ports.store import Questions
from bot.core.posts import Knowledge
from bot.slack.delivery.stream_body import Given, StreamBody


class DeliveryStore(Posts, Questions, Protocol):
    """The posts, and the questions to close when Slack refuses to show them."""


@dataclass(slots=True)
class Stream:
    """A stream that this process has begun."""

    until: float
    """When it is stopped at the latest, on the loop's clock: Slack ends streams after about five minutes."""
    given: Given = field(default_factory=Given)
    broken: bool = False
    """It is not known what it holds, or it is not what is wanted: nothing can be appended."""
    body: StreamBody | None = None
    """What is wanted now."""
    menu: bool = False
    """It has a menu at its top, which an update removes once the stream has ended."""
    replaced: bool = False
    """It contains text that is no longer wanted."""
    missing: list[JsonObject] = field(default_factory=list[JsonObject])
    """What has to be appended for that."""


@dataclass(slots=True)
class KnownPost(Knowledge):
    """What is known about one message, including what only the outbox needs."""

    unrecorded: bool = False
    """It is in Slack, but the store failed to record that."""
    recorded: bool = False
    """The store has recorded that it is in Slack. Anything read from the store earlier would cause it to be posted
    again."""
    revision: int = 0
    """The revision that is in Slack, while that is not recorded yet."""
    overtaken: bool = False
    """Another one was wanted before that was recorded."""
    tries: int = 0
    body: JsonObject | None = None
    """The body that Slack was given last, while the message is not final."""
    stream: Stream | None = None
    """The stream that this process has open on it."""
    unstreamed: bool = False
    """A stream could not be begun: it is posted."""
    broken_off: bool = False
    """Its stream has ended before the message is complete, and contains nothing unwanted."""
    complete: bool = False
    """Nothing more will be added to it, whether or not that is recorded."""
    stopped: bool = False
    """Slack said in this run that a stream is open, and it was to be stopped."""


@dataclass(slots=True)
class KnownThread:
    """What is known about the messages of one thread; dropped once Slack shows what the store says."""

    forget: Callable[[int], None]
    """Called with each message about which nothing needs to be known any longer."""
    posts: dict[int, KnownPost] = field(default_factory=dict[int, KnownPost])
    failures: int = 0
    timer: asyncio.TimerHandle | None = None
    busy: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is known and nothing is in progress."""
        return not (self.busy or self.posts or self.timer or self.failures)

    def end(self, *, in_step: bool) -> None:
        """Finish a run. If Slack shows everything (`in_step`), only what the store does not know is kept."""
        self.busy = False
        if in_step:
            self.failures = 0
        for post, known in list(self.posts.items()):
            needed = known.sent or known.unrecorded or known.body is not None or known.stream
            if (known.sent and known.recorded) or (in_step and not needed):
                self.drop(post)

    def drop(self, post: int) -> None:
        """Forget one message."""
        del self.posts[post]
        self.forget(post)


class KnownThreads(dict[int, KnownThread]):
    """What is known of all threads, by number."""

    def tidy(self, thread_id: int) -> None:
        """Forget a thread about which nothing is known any more."""
        if thread_id in self and self[thread_id].empty:
            del self[thread_id]

    def recorded(self, thread_id: int, post: int) -> None:
        """A message was recorded that its thread may have been waiting for."""
        thread = self.get(thread_id)
        if thread is not None and not thread.busy and post in thread.posts:
            thread.drop(post)
            self.tidy(thread_id)
