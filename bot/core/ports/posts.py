"""What the outbox needs of the durable state: the messages that are to be shown. What holds for every method of every
port is said in `bot.core.ports.store`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bot.core.posts import Deliveries, Draft


class Posts(Protocol):
    """Messages to show in Slack, one row each: what is wanted, and what Slack shows (`bot.core.posts`)."""

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        """Record messages to post, in the order in which they are to appear.

        A key is recorded once. Again, it is another body for the same message, which gets the next revision; of a
        message that is final it is ignored. Drafts of a commit follow the same rules.
        """
        ...

    async def deliveries(self, thread_id: int) -> Deliveries:
        """The messages that Slack does not show as they are wanted, or that may change at any time, in order: those
        that are owed, and those posted whose revision is not shown or that are not final. A message whose revision is
        not shown has the questions that it asks, as they stand."""
        ...

    async def last_post(self) -> int:
        """The number of the newest post; 0 when there is none."""
        ...

    async def posted(
        self, post: int, ts: str, revision: int, *, soon: bool = False, channel: str = "", streaming: bool = False
    ) -> None:
        """The message is in Slack as this revision has it, with this timestamp; a copy is in this direct message. Only
        what is owed becomes posted, so a second time changes nothing. With `soon` it may wait a moment for another
        transaction to share a commit. With `streaming` a stream is open on it; the revision is then `INCOMPLETE`."""
        ...

    async def shown(self, post: int, revision: int) -> None:
        """Slack shows this revision of the message now, and no stream is open on it. A newer revision that came
        meanwhile stays to be shown."""
        ...

    async def lost(self, post: int) -> bool:
        """Somebody has deleted a message in Slack before it was shown as it is wanted. The first time it is owed once
        more, as another revision; the second time it is closed as `removed`, and this returns False."""
        ...

    async def accounted_for(self, thread_id: int, timestamps: Sequence[str]) -> Collection[str]:
        """Those of these timestamps that messages of the thread are recorded with, also closed ones."""
        ...

    async def post_closed(self, post: int, state: str) -> None:
        """The message was `refused` for good, or `removed`: nothing is done about it any more."""
        ...

    async def close_thread(self, thread_id: int, at: str, outside: int = 0) -> None:
        """The thread is gone from Slack since this timestamp: stop its turn, close its questions, drop what is unread,
        and owe nothing there from now on. Only a later message of the thread opens it again. What was owed before may
        be in Slack, so it stays among the deliveries, which say that the thread is gone.

        outside: the number of a message that Slack has posted, under this timestamp, outside of the thread."""
        ...
