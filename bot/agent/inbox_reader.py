"""Moves unread messages from the inbox into the thread's log. The first one addressed to the bot opens a turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from bot import log_events
from bot.agent import prompt
from bot.agent.cancellation import Stop, StopMonitor, Watch, unwatched
from bot.core.attachments import Quoted
from bot.core.inbox import Unread
from bot.core.policy.approvers import is_user
from bot.core.ports.chat import ChatGateway
from bot.core.ports.outages import Outages
from bot.core.ports.store import Inbox, Log
from bot.core.ports.thread_models import ThreadModels
from bot.core.posts import Draft
from bot.core.thread import ThreadState
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Change
from bot.core.turn_message import Step, StepState
from bot.errors import ChangedError

T = TypeVar("T")
MAX_PROBLEMS = 5
"""Problems with the files of one message that people read about."""


class ThreadStore(Inbox, Outages, Log, ThreadModels, Protocol):
    """The part of the store that is used here."""


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Reads the messages since the last step."""

    store: ThreadStore
    gateway: ChatGateway
    instructions: Callable[[ThreadRef, Unread], Awaitable[str]]
    """Returns the first message of a thread's log, for a thread that begins with a message."""
    most: int
    """How many of the newest messages to others are read."""
    watch: Watch = unwatched

    async def read(self, state: ThreadState) -> None:
        """Append the unread messages to the log, in order. Opens a turn if none is open."""
        drafts: Sequence[Draft] | None = None
        while _is_wanted(state):
            try:
                if drafts is None:
                    drafts = await (self._fetch_missed(state) if state.begun else self._fetch_earlier(state))
                    continue
                await self._read(state, drafts)
                return
            except ChangedError:  # what somebody edited, deleted or withdrew meanwhile is read as it is now
                await self._reload(state)

    async def _reload(self, state: ThreadState) -> None:
        """Load the unread messages again. What was found may have stopped the turn, or ended it before it began."""
        fresh = await self.store.load(state.id)
        state.unread = fresh.unread
        if state.turn is None:
            state.turn, state.calls, state.message = fresh.turn, fresh.calls, fresh.message
        elif fresh.turn is not None:
            state.turn.stopped_by = fresh.turn.stopped_by

    async def _read(self, state: ThreadState, drafts: Sequence[Draft]) -> None:
        """Append the messages that are unread in the state. Raises ChangedError."""
        unread = list(state.unread)
        first = opens(state)
        if first is not None and state.turn is None and self._attached(state, unread):
            await self._open(state, first)
        begun = [] if state.begun or first is None else [prompt.system(await self.instructions(state.place, first))]
        messages, read, notices = await self._quoted(state, len(begun), first)
        requester = first.user if first is not None and state.turn is None else ""
        # If a power cut loses this commit, the messages are unread again, and only a request to the model was made.
        change = Change(
            "read the inbox",
            requester=requester,
            messages=[*begun, *messages],
            read=read,
            drafts=[*drafts, *notices],
            synced=False,
        )
        change.speakers = frozenset(message.user for message in unread if message.addressed)
        change.gets_on = any(message.addressed for message in unread)
        await self.store.commit(state, change)
        _note_participants(state, unread)
        if not requester:
            self.gateway.read(state.place, unread)
        if state.turn is not None and requester:
            log_events.turn_began(state.turn, state)

    async def _open(self, state: ThreadState, first: Unread) -> None:
        """Open the turn before what its request has attached is read, so that people see that and can stop it."""
        known = list(state.unread)
        await self.store.commit(state, Change("open the turn", requester=first.user, synced=False))
        if state.turn is not None:
            log_events.turn_began(state.turn, state)
        if state.unread != known:
            raise ChangedError("a message came, or was edited, deleted or withdrawn")

    async def _fetch_earlier(self, state: ThreadState) -> Sequence[Draft]:
        """Record what was written in the thread before the bot was first addressed there. Return a post about what
        could not be read."""
        earlier = await self._unless_outdated(state, self.gateway.earlier(state.place, state.unread[0]))
        for incoming in earlier.messages:
            await self.store.admit(incoming)
        if earlier.messages:
            await self._reload(state)
        return self.gateway.notice(earlier.missing, key=f"earlier-{state.id}")

    async def _fetch_missed(self, state: ThreadState) -> Sequence[Draft]:
        """Record what was written in the thread during an outage. Return a post, once per outage, about what could not
        be read."""
        gap = await self.store.gap(state.id)
        if gap is None:
            return ()
        recorded = await self.store.recorded(state.id)
        missed = await self._unless_outdated(state, self.gateway.missed(state.place, gap, recorded))
        for incoming in missed.messages:
            await self.store.admit(incoming)
        for change in missed.changes:
            log_events.amended(change, *await self.store.amend(change))
        if missed.last:
            await self.store.caught_up(state.id, missed.last)
        if missed.messages or missed.changes:
            await self._reload(state)
        return self.gateway.notice(missed.words, key=f"missed-{state.id}-{gap.last}")

    async def _quoted(
        self, state: ThreadState, position: int, first: Unread | None
    ) -> tuple[list[tuple[str, str]], list[tuple[int, int]], list[Draft]]:
        """Return the log entries of the unread messages, the position of each message, and posts about files that could
        not be read. The message that opens a turn (`first`) says when it was sent.

        Of messages to others, only the first and the newest are included. Notes by the app that follow one another,
        such as about many calls that were undone at once, are one entry.
        """
        left_out = self._left_out(state.unread)
        known = (*((state.turn.requester, *state.turn.others) if state.turn else ()), *state.people)
        shown = [message for message in state.unread if message.id not in left_out]
        people = [user for user in dict.fromkeys(known) if is_user(user)]
        files = await self._with_files(state, shown, people)
        notices = self._problems(state, shown, files)
        quoted = iter(files)
        entries: list[tuple[str, str]] = []
        read: list[tuple[int, int]] = []
        noted = False
        notes: list[str] = []
        for message in state.unread:
            if not message.user:
                notes.append(next(quoted).text)
                entries[len(entries) - (len(notes) > 1) :] = [prompt.user("\n".join(notes))]
                read.append((position + len(entries) - 1, message.id))
                continue
            notes = []
            if message.id not in left_out:
                said = next(quoted)
                if message is first:
                    said = replace(said, text=f"{said.text}\n{await self.gateway.sent(message)}")
                entries.append(("user", prompt.dumps({"role": "user", "content": said.content()})))
            elif not noted:
                entries.append(prompt.user(prompt.left_out(len(left_out))))
                noted = True
            read.append((position + len(entries) - 1, message.id))
        return entries, read, notices

    def _left_out(self, unread: Sequence[Unread]) -> set[int]:
        context = [message.id for message in unread if not message.addressed and message.user]
        return set(context[1 : -self.most])

    def _attached(self, state: ThreadState, unread: Sequence[Unread]) -> Sequence[str]:
        left_out = self._left_out(unread)
        return self.gateway.attached([message for message in unread if message.id not in left_out])

    async def _with_files(self, state: ThreadState, shown: Sequence[Unread], people: Sequence[str]) -> Sequence[Quoted]:
        """Return messages with what is attached to them, which may take long: people see what is read, and may stop it.
        Raises ChangedError if the turn was stopped, or a message was edited, deleted or withdrawn meanwhile."""
        names = self.gateway.attached(shown)
        if names and state.turn is not None:
            title = f"Reading {names[0]}" if len(names) == 1 else f"Reading {len(names)} files"
            running = [Step(f"files-{shown[-1].id}", title, StepState.RUNNING)]
            self.gateway.working(state.id, state.part, "Reading", running)
        # Without files, too: links and prompts of servers may take as long.
        return await self._unless_outdated(state, self.gateway.quote_with_files(state.place, shown, people))

    async def _unless_outdated(self, state: ThreadState, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns. Raises ChangedError if the turn was stopped, or a message was edited, deleted
        or withdrawn meanwhile, which cancels the work."""
        stop = Stop()
        with StopMonitor(self.store, self.watch, state, stop, lambda fresh: _is_outdated(state, fresh)), stop.scope():
            return await work
        raise ChangedError("the turn was stopped, or a message was changed, while it was being read")

    def _problems(self, state: ThreadState, shown: Sequence[Unread], quoted: Sequence[Quoted]) -> list[Draft]:
        """Return a post for each request with something that could not be read."""
        return [
            draft
            for message, each in zip(shown, quoted, strict=True)
            if message.addressed and each.problems
            for draft in self.gateway.notice(" ".join(each.problems[:MAX_PROBLEMS]), f"files-{state.id}-{message.id}")
        ]


def opens(state: ThreadState) -> Unread | None:
    """Return the unread request that opens the thread's turn, or has opened it and is still to be read."""
    if state.turn is not None and not state.unbegun:
        return None
    asked = (message for message in state.unread if message.addressed)
    return next((each for each in asked if state.turn is None or each.user == state.turn.requester), None)


def _is_outdated(state: ThreadState, fresh: ThreadState) -> bool:
    """Return whether what is being read of a thread cannot be recorded any more."""
    there = {each.id: (each.version, each.addressed) for each in fresh.unread}
    is_opened = state.turn is None and fresh.turn is not None
    return is_opened or any(there.get(each.id) != (each.version, each.addressed) for each in state.unread)


def _is_wanted(state: ThreadState) -> bool:
    """Return whether the unread messages are to be read: they continue a turn, or open one."""
    if state.turn is not None and not state.unbegun:
        return bool(state.unread) and not state.turn.stopped_by
    return opens(state) is not None and not (state.turn and state.turn.stopped_by)


def _note_participants(state: ThreadState, unread: Sequence[Unread]) -> None:
    """Record in the turn who, apart from the requester, has addressed the bot during it."""
    if state.turn is not None:
        said = [message.user for message in unread if message.addressed and message.user]
        others = (user for user in (*state.turn.others, *said) if user != state.turn.requester)
        state.turn.others = tuple(dict.fromkeys(others))
