"""What the agent sessions of Slack need of the store. The rules of `bot.core.ports.store` hold here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.sessions import Stopped
from bot.core.thread_ref import ThreadRef


class SessionStore(Protocol):
    """Which sessions may show another status than the true one, and stops by Slack's own button."""

    async def follow_sessions(self, follow: bool) -> Sequence[int]:
        """Begin to note, in the transaction that ends or suspends the work in a thread, that its session has to show
        that. Return the threads of which this was noted and never confirmed, as an earlier process has left them.

        With False, forget these and note nothing: the app has no sessions.
        """
        ...

    async def session_shown(self, thread_id: int) -> None:
        """Confirm that the session of a thread shows its true status."""
        ...

    async def stop_in(self, place: ThreadRef, user: str, at: str, *, may_stop: bool) -> Stopped:
        """Stop what a person may stop in a thread: its open turn, or what was about to open one, as a stop word does
        (`bot.core.ports.store.Inbox.admit`).

        A turn that began after the button was pressed is not meant by it, and one that is stopped already is not
        stopped again.

        Args:
            at: when the button was pressed, as a timestamp of Slack's.
            may_stop: whether this person may stop what others have asked for.
        """
        ...
