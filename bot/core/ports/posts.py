"""The messages to show in Slack, as a port for the outbox. The rules for all ports are in `bot.core.ports.store`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bot.core.posts import Deliveries, Draft


class Posts(Protocol):
    """Messages in Slack, one row each: the wanted content, and what Slack shows (`bot.core.posts`)."""

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        """Record messages to post, in the order in which they are to appear.

        A key is recorded once. A second draft with the same key is new content for the same message, which gets the
        next revision; it is ignored if the message is final. The same holds for the drafts of a commit.
        """
        ...

    async def deliveries(self, thread_id: int) -> Deliveries:
        """Return, in order, the messages of a thread that Slack does not show as wanted, or that may change at any
        time.

        These are messages that are not posted yet, and posted ones whose revision is not shown or that are not final.
        If its revision is not shown, a message includes the current state of its questions.
        """
        ...

    async def last_post(self) -> int:
        """Return the number of the newest post; 0 if there is none."""
        ...

    async def posted(
        self, post: int, ts: str, revision: int, *, soon: bool = False, channel: str = "", streaming: bool = False
    ) -> int:
        """Record that a message is in Slack, in this revision and with this timestamp; for a copy, in this direct
        message. Return the id of the thread that begins with it (`Inbox.ask`); 0 if none does.

        Idempotent: only messages that are not posted yet become posted. With `soon`, it may wait a moment to share a
        commit with another transaction. With `streaming`, a stream is open on it; the revision is then `INCOMPLETE`.
        """
        ...

    async def shown(self, post: int, revision: int) -> None:
        """Record that Slack shows this revision of a message, and that no stream is open on it. A newer revision stays
        to be shown."""
        ...

    async def lost(self, post: int) -> bool:
        """Record that a message was deleted in Slack before it was shown as wanted.

        Return whether it is to be posted again, as another revision. The second time it is closed as `removed`.
        """
        ...

    async def accounted_for(self, thread_id: int, timestamps: Sequence[str]) -> Collection[str]:
        """Return those of the timestamps that belong to recorded messages of the thread, including closed ones."""
        ...

    async def post_closed(self, post: int, state: str, revision: int | None = None) -> bool:
        """Record that a message was `refused` for good, or `removed`, so that nothing more is done about it.

        With a revision, only if there is no newer one, which would still have to be shown. Return whether the message
        was closed.
        """
        ...

    async def close_thread(self, thread_id: int, at: str, outside: int = 0) -> None:
        """Record that a thread no longer exists in Slack since a timestamp.

        Its turn is stopped, its questions are closed, unread messages are dropped, and nothing is posted there until a
        later message in the thread opens it again. Messages that were to be posted before may be in Slack, so they stay
        among the deliveries, which say that the thread is gone.

        outside: the number of a message that Slack has posted outside of the thread, with this timestamp; 0 for none.
        """
        ...
