"""What this process knows about posts in progress, in addition to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.core.json_text import JsonObject
from bot.core.posts import Knowledge


@dataclass(slots=True)
class KnownPost(Knowledge):
    """What is known about one message, including what only the outbox needs."""

    unrecorded: bool = False
    """It is in Slack, but the store failed to record that."""
    recorded: bool = False
    """The store has recorded that it is in Slack. Anything read from the store earlier would cause it to be posted
    again."""
    tries: int = 0
    body: JsonObject | None = None
    """The body that Slack was given last, while the message is not final."""


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
            needed = known.sent or known.unrecorded or known.body is not None
            if (known.sent and known.recorded) or (in_step and not needed):
                self.drop(post)

    def drop(self, post: int) -> None:
        """Forget one message."""
        del self.posts[post]
        self.forget(post)
