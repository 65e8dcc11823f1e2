"""Moves unread messages from the inbox into the thread's log; the first one addressed to the bot opens a turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot import log_events
from bot.agent import prompt
from bot.core.inbox import Unread
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Inbox, Log
from bot.core.thread import ThreadState
from bot.core.transaction import Change
from bot.pace import Pace


class ThreadStore(Inbox, Log, Protocol):
    """What people say in a thread, and its log."""


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Reads what people have written since the last step."""

    store: ThreadStore
    gateway: ChatGateway
    instructions: Callable[[], str]
    """Returns the first message of a new thread's log."""

    async def read(self, state: ThreadState) -> None:
        """Append the unread messages to the log, in order. Opens a turn if none is open."""
        if not state.begun:
            await self._fetch_earlier(state)
        unread = list(state.unread)
        messages = await self._quoted(unread)
        first = 0
        if not state.begun:
            messages.insert(0, prompt.system(self.instructions()))
            first = 1
        requester = "" if state.turn else next(message.user for message in unread if message.addressed)
        read = [(first + index, message.id) for index, message in enumerate(unread)]
        # If a power cut loses this commit, the messages are unread again, and only a request to the model was made.
        change = Change("read the inbox", requester=requester, messages=messages, read=read, synced=False)
        change.gets_on = any(message.addressed for message in unread)
        await self.store.commit(state, change)
        _note_participants(state, unread)
        if state.turn is not None and requester:
            log_events.turn_began(state.turn, state)

    async def _fetch_earlier(self, state: ThreadState) -> None:
        """Record what was said in the thread before the bot was first addressed there."""
        earlier = await self.gateway.earlier(state.place, state.unread[0])
        for incoming in earlier:
            await self.store.admit(incoming)
        if earlier:
            state.unread = (await self.store.load(state.id)).unread

    async def _quoted(self, unread: Sequence[Unread]) -> list[tuple[str, str]]:
        """Return the log entries of these messages, each with its speaker's name."""
        entries: list[tuple[str, str]] = []
        pace = Pace()
        for message in unread:
            entries.append(prompt.user(await self.gateway.quote(message)))
            await pace.checkpoint()
        return entries


def _note_participants(state: ThreadState, unread: Sequence[Unread]) -> None:
    """Keep in the turn who besides the requester has addressed the bot during it."""
    if state.turn is not None:
        said = [message.user for message in unread if message.addressed and message.user]
        others = (user for user in (*state.turn.others, *said) if user != state.turn.requester)
        state.turn.others = tuple(dict.fromkeys(others))
