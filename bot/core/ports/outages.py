"""The port to the record of outages. The general rules of `bot.core.ports.store` apply here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.outages import ActiveThread, Conversation, Gap, HeldMessages, KnownThread, RecordedMessage
from bot.core.questions.question import Card


class Outages(Protocol):
    """Outages, and what was read because of them."""

    async def heard(self, at: float) -> None:
        """Record that a connection was open at a time, in Unix seconds. A power cut may lose this."""
        ...

    async def begin_outage(self, since: float = 0.0) -> int:
        """Record that messages may have been missed everywhere from a time on, in Unix seconds; 0: since the last
        connection.

        Returns the number of the outage; 0 if there never was a connection, so that nothing can have been missed.
        """
        ...

    async def gap(self, thread_id: int) -> Gap | None:
        """Return what may have been missed in a thread since it was last read; None if nothing.

        A new thread has no gap, unless its first message was `missed`.
        """
        ...

    async def recorded(self, thread_id: int, after: str = "", upto: str = "") -> Sequence[RecordedMessage]:
        """Return the recorded messages of people and apps in a thread that are not deleted, the newest first, within
        limits. The bot's own notes are not included.

        after, upto: return those with a higher timestamp than the first, and with none higher than the second.
        """
        ...

    async def known(self, conversation: Conversation, roots: Sequence[str]) -> Sequence[KnownThread]:
        """Return the bot's threads in a conversation whose first messages have these timestamps."""
        ...

    async def open_turns(self, before: int = 0) -> Sequence[KnownThread]:
        """Return a batch of the threads with an open turn, those that began last first.

        before: return threads with lower ids only; 0 for the newest. The batch is empty at the end.
        """
        ...

    async def active(self, before: int = 0) -> Sequence[ActiveThread]:
        """Return a batch of the newest messages with their threads, in descending order.

        before: return messages with lower numbers only; 0 for the newest. The batch is empty at the end.
        """
        ...

    async def gaps(self, conversations: Sequence[Conversation]) -> Sequence[Gap | None]:
        """Return what may have been missed in each conversation. One that is named for the first time counts as read up
        to the previous call of this method."""
        ...

    async def caught_up(self, what: int | Conversation, number: int) -> None:
        """Record that a thread or conversation was read up to this outage, and that everything found was admitted."""
        ...

    async def held(self) -> Sequence[HeldMessages]:
        """Return threads with held messages whose authors are to be asked (`bot.core.outages.Hold`): nobody who has
        written something since that waits to be read. It may be a part; the rest follows once these were offered an
        answer."""
        ...

    async def offer(self, card: Card, threads: Sequence[int]) -> None:
        """Ask whether the messages held in these threads should be answered, those people of the card who are to be
        asked. Does nothing if there are none.

        If such a question is open in the thread, it is extended by these threads and people. It is not recorded in the
        audit. When a change reads something that one of its people has addressed to the bot (`Change.speakers`), what
        was held of theirs in that thread and has been read needs no answer of its own: a question about nothing else is
        closed as `taken_up`, others are narrowed. If that message is deleted before it is answered, the person is to be
        asked again.
        """
        ...
