"""What this process knows of posts that are on their way, besides what the store says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.core.json_text import JsonObject
from bot.core.posts import Knowledge


@dataclass(slots=True)
class KnownPost(Knowledge):
    """What is known of one message, with what only the outbox asks for."""

    unrecorded: bool = False
    """It is in Slack, and the store would not have that."""
    recorded: bool = False
    """It is recorded that it is in Slack; what was read from the store before would have it posted again."""
    tries: int = 0
    body: JsonObject | None = None
    """What Slack was last given, while it is not final."""


@dataclass(slots=True)
class KnownThread:
    """What is known of one thread's messages; forgotten when the thread is in step."""

    forget: Callable[[int], None]
    """Told of each message of which nothing needs to be known any more."""
    posts: dict[int, KnownPost] = field(default_factory=dict[int, KnownPost])
    failures: int = 0
    timer: asyncio.TimerHandle | None = None
    busy: bool = False

    @property
    def empty(self) -> bool:
        """Nothing is known, and nothing is under way."""
        return not (self.busy or self.posts or self.timer or self.failures)

    def end(self, *, in_step: bool) -> None:
        """A run has ended. In step, only what Slack shows and the store does not say is still needed."""
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
