"""What the bot needs to keep of times without a connection to the chat. What `bot.core.ports.store` says of all methods
holds here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.outages import ActiveThread, Conversation, Gap, HeldMessages, RecordedMessage
from bot.core.questions.question import Card


class Outages(Protocol):
    """Times without a connection to the chat, and what of them was made up for by reading."""

    async def heard(self, at: float) -> None:
        """A connection was open at this time. It may be lost in a power cut."""
        ...

    async def begin_outage(self, since: float = 0.0) -> int:
        """Record that from this time on something may have been missed, everywhere; 0: from when a connection was last
        open. Out: the number of the outage; 0 if there was never a connection, so nothing can have been missed."""
        ...

    async def gap(self, thread_id: int) -> Gap | None:
        """What may have been missed in a thread since it was last caught up with; None if nothing. A thread begins
        without one, unless its first message was `missed`."""
        ...

    async def recorded(self, thread_id: int) -> Sequence[RecordedMessage]:
        """What people and apps have written in a thread, as far as it is recorded and not deleted: the newest messages
        first, within bounds. What the bot itself has noted is not among it."""
        ...

    async def active(self, before: int = 0) -> Sequence[ActiveThread]:
        """The newest messages with their threads, in descending order, a part at a time: those with a number below this
        one; 0: from the newest on. Empty at the end."""
        ...

    async def gaps(self, conversations: Sequence[Conversation]) -> Sequence[Gap | None]:
        """What may have been missed in each conversation. One that was never named here counts as known since the last
        time this was called."""
        ...

    async def caught_up(self, what: int | Conversation, number: int) -> None:
        """A thread, or a conversation, was read up to this outage, and all of it was admitted."""
        ...

    async def held(self) -> Sequence[HeldMessages]:
        """Threads with held messages whose authors were not asked and have not written again. It may give a part; the
        rest comes once those were offered an answer."""
        ...

    async def offer(self, card: Card, threads: Sequence[int]) -> None:
        """Ask whether what is held in these threads should be answered. Nothing happens if nothing is. If such a
        question is open in the thread of this one, it is extended by these threads and people. It is no record of the
        audit.

        The question is closed as `taken_up` when a change reads addressed messages of all of its people
        (`Change.speakers`) in its thread.
        """
        ...
