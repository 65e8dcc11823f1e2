"""Reads after an outage what was written meanwhile, and admits it like events: in the background, within Slack's rate
limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.amendments import Amendment
from bot.core.inbox import Admission
from bot.core.outages import (
    ACTIVE_DAYS,
    DAY,
    ActiveThread,
    Conversation,
    Gap,
    KnownThread,
    Missed,
    conversations_to_read,
    group_offers,
    known_conversations,
    read_from,
    threads_with_gaps,
)
from bot.core.ports.outages import Outages
from bot.core.ports.store import Inbox
from bot.core.questions import missed
from bot.core.thread_ref import ThreadRef
from bot.slack import missed_gaps
from bot.slack.blocks import missed_offer, question_blocks
from bot.slack.connectivity import BEAT_SECONDS
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.error_kinds import ErrorKind, kind_of
from bot.slack.intake.amending import amend
from bot.slack.intake.background_comparison import BackgroundComparison
from bot.slack.intake.conversation_list import ConversationList
from bot.slack.intake.missed_reader import MissedReader, noted
from bot.slack.intake.replied_threads import latest_replies
from bot.slack.intake.token_bucket import TokenBucket

log = logging.getLogger(__name__)

BURST = 10
"""Requests that may be made at once; further ones at the rate of PER_MINUTE."""
PER_MINUTE = 30.0
"""Slack allows about 50 a minute of each method; turns read threads, too."""
CLOSED = ("channel_not_found", "not_in_channel", "missing_scope")
"""Refusals that concern all threads of a conversation."""
MAX_SCANNED = 200
"""Pages that are searched in one run for threads with new replies, in all conversations together."""
MAX_OTHERS = 20
"""Threads per conversation that are read although the bot is not part of them: it may have been mentioned there."""
MAX_LOOKED_AT = 50
"""Batches of the newest messages that are searched for threads."""
FIRST_PAUSE, MAX_PAUSE = 30.0, 900.0
"""Seconds until a failed read is repeated; the pause doubles each time."""
TRIES = 8
"""Attempts in a row. After that, the rest is read after the next outage, or when somebody writes in the thread."""
FAILURES_AT_ONCE = 3
"""Failures in a row after which the rest is left to the next attempt."""
MAX_REPORTED = 1_000
"""Problems that are remembered as logged."""


class OutageStore(Inbox, Outages, Protocol):
    """The part of the store that is used here."""


class CatchUp:
    """Reads what was missed during outages; one instance per process."""

    def __init__(
        self,
        store: OutageStore,
        client: AsyncWebClient,
        reader: MissedReader,
        wake: Callable[[int], None],
        team: str,
        *,
        workspaces: Callable[[], Awaitable[Sequence[str | None]]],
        busy: Callable[[int], bool],
    ) -> None:
        """Create the background reader.

        Args:
            store: where messages and outages are recorded.
            client: Slack's client.
            reader: reads threads and conversations.
            wake: schedules a thread.
            team: the installation, to which conversations without a known thread belong.
            workspaces: returns the workspaces whose conversations are listed; None means the token's own.
            busy: returns whether a thread is being advanced.
        """
        self._store = store
        self._client = client
        self._reader = reader
        self._wake = wake
        self._team = team
        self._workspaces = workspaces
        self._runs = busy
        self._wanted = asyncio.Event()
        self._busy = False
        self._rate = TokenBucket(BURST, PER_MINUTE)
        """For the conversations and their lists."""
        self._of_threads = TokenBucket(BURST, PER_MINUTE)
        self._comparison = BackgroundComparison(store, reader, self._thread, self._apply)
        self._reported: dict[str, str] = {}
        self._list = ConversationList(client, team, workspaces, self._wait, self._report)
        self._unscanned: dict[str, tuple[Conversation, float]] = {}
        """Conversations that are still to be searched for new replies to older messages: since which Unix time."""
        self._read_now = set[int]()
        """The threads that were read in this run."""
        self._closed = set[str]()
        """Conversations whose threads Slack refuses to give."""
        self._pages = 0
        """Pages that were searched for new replies in this run."""

    @property
    def idle(self) -> bool:
        """Whether nothing is being read or waiting to be read."""
        return not (self._busy or self._wanted.is_set() or self._comparison.has_work)

    def read(self) -> None:
        """Request that what was missed is read soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Read what was missed whenever that is requested, until cancelled."""
        failures = 0
        while True:
            pause = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1)) if failures else None
            if await self._is_requested(pause):
                failures = 0
            self._busy = True
            self._wanted.clear()
            try:
                done = await self.once()
            finally:
                self._busy = False
            failures = 0 if done or failures + 1 >= TRIES else failures + 1

    async def _is_requested(self, seconds: float | None) -> bool:
        """Compare threads slowly until reading is requested. Return False if these seconds pass before."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self._wanted.is_set():
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            slow = self._comparison.rate.take() if self._comparison.has_work else None
            waits = [each for each in (left, slow) if each is not None]
            try:
                await asyncio.wait_for(self._wanted.wait(), min(waits, default=None))
            except TimeoutError:
                if slow is not None and (left is None or slow <= left):
                    await self._comparison.step()
        return True

    async def beat(self, last: Callable[[], float]) -> None:
        """Record when a connection last worked, and ask about held messages, until cancelled.

        last: returns the Unix time at which a connection was last known to work.
        """
        recorded = 0.0
        while True:
            if (heard := last()) > recorded:
                await self._store.heard(heard)
                recorded = heard
            await self._offer()
            await asyncio.sleep(BEAT_SECONDS)

    async def once(self) -> bool:
        """Read what was missed. Return False if a part could not be read, and may be readable later."""
        found = await self._active()
        known = known_conversations(found)
        conversations = conversations_to_read(known, await self._list.read())
        now = self._reader.clock()
        jobs: list[tuple[Conversation, Gap]] = []
        for each, gap in zip(conversations, await self._store.gaps(conversations), strict=True):
            if gap is not None:
                jobs.append((each, gap))
                if each.channel in {known.channel for known in known}:
                    self._unscanned.setdefault(each.channel, (each, read_from(gap, now)))
        threads = [KnownThread(each.thread_id, each.place, each.gap) for each in threads_with_gaps(found, now).values()]
        self._read_now.clear()
        self._closed.clear()
        self._comparison.begin()
        self._pages = 0
        done = [
            await _until_failures(self._conversation(each, gap) for each, gap in jobs),
            await _until_failures(self._scan(each) for each in list(self._unscanned)),
            await _until_failures(self._thread(each) for each in threads),
        ]
        await self._offer()
        return all(done)

    async def _wait(self) -> None:
        await self._rate.wait()

    async def _conversation(self, conversation: Conversation, gap: Gap) -> bool:
        """Read what was written in a conversation. Return False if that failed, and may succeed later."""
        last = min(gap.last, self._reader.over())
        oldest = read_from(gap, self._reader.clock())
        try:
            with failpoints.around("read what was missed"):
                async for found in self._reader.conversation(conversation, oldest, self._rate.wait):
                    await self._admit(Missed(found), None, last)
        except SLACK_ERRORS as error:
            kind = self._refused(conversation.channel, error)
            if kind is ErrorKind.PERMANENT:
                await self._store.caught_up(conversation, last)
            return kind in (ErrorKind.PERMANENT, ErrorKind.OPERATOR)
        await self._store.caught_up(conversation, last)
        return True

    async def _thread(self, thread: KnownThread) -> bool:
        """Read what was missed in one of the bot's threads. Return False if that failed, and may succeed later."""
        gap, now = thread.gap, self._reader.clock()
        if gap is None or thread.thread_id in self._read_now or thread.place.channel in self._closed:
            return True
        self._read_now.add(thread.thread_id)
        last = min(gap.last, self._reader.over())
        known = await self._store.recorded(thread.thread_id)
        try:
            with failpoints.around("read what was missed"):
                found = await self._reader.thread(thread.place, read_from(gap, now), known, self._of_threads.wait)
        except SLACK_ERRORS as error:
            # If Slack refuses it for good, it is tried again when somebody writes there, and the model learns of it.
            kind = self._refused(f"thread {thread.thread_id}", error)
            if code_of(error) in CLOSED:
                self._closed.add(thread.place.channel)
            return kind in (ErrorKind.PERMANENT, ErrorKind.OPERATOR)
        if not found.is_compared:
            self._comparison.add(thread)
        found = noted(found, thread.place, gap, missed_gaps.for_the_model(replace(found, is_compared=True)))
        await self._admit(found, thread.thread_id if found.is_compared else None, last)
        return True

    async def _scan(self, channel: str) -> bool:
        """Read threads of a conversation that have new replies, however old they are. Return False if that failed."""
        conversation, since = self._unscanned[channel]
        now, others = self._reader.clock(), 0
        between = (now - ACTIVE_DAYS * DAY, now)
        done = True
        try:
            async for replies in latest_replies(self._client, conversation, between, self._rate.wait):
                self._pages += 1
                known = {each.place.thread_ts: each for each in await self._store.known(conversation, [*replies])}
                for root, at in replies.items():
                    thread = known.get(root)
                    if thread is not None and thread.gap is not None and at >= read_from(thread.gap, now):
                        done = await self._thread(thread) and done
                    elif thread is None and float(root) < since <= at and others < MAX_OTHERS:
                        others += 1
                        place = ThreadRef(conversation.team, channel, root, conversation.kind)
                        await self._admit(await self._reader.thread(place, since, (), self._of_threads.wait), None, 0)
                if self._pages >= MAX_SCANNED:
                    break
        except SLACK_ERRORS as error:
            if self._refused(channel, error) not in (ErrorKind.PERMANENT, ErrorKind.OPERATOR):
                return False
        del self._unscanned[channel]
        return done

    def _refused(self, about: str, error: BaseException) -> ErrorKind | None:
        """Log that something could not be read, unless the client reports it to the operator. Return why."""
        code = code_of(error)
        kind = kind_of(code)
        if kind is not ErrorKind.OPERATOR:
            self._report(about, f"cannot read what was written in {about} while no connection was open ({code})")
        return kind

    async def _admit(self, found: Missed, what: int | Conversation | None, last: int) -> None:
        """Record what was found, and that a thread or conversation was read up to an outage."""
        woken = set[int]()
        for message in found.messages:
            admission, thread_id = await self._store.admit(message)
            if admission in (Admission.STARTS, Admission.CHOOSES):
                woken.add(thread_id)
            elif admission is Admission.STOPS:
                woken.update(await self._store.waiting())
        for change in found.changes:
            woken.update(await amend(self._store, change, self._runs))
        if what is not None:
            await self._store.caught_up(what, last)
        for thread_id in sorted(woken):
            self._wake(thread_id)

    async def _apply(self, changes: Sequence[Amendment]) -> None:
        await self._admit(Missed(changes=changes), None, 0)

    async def _offer(self) -> None:
        """Ask people whether to answer messages that are too old to be answered unasked."""
        for held, threads in group_offers(await self._store.held()):
            asked = missed.question(held.thread_id, held.ts, threads, held.people, time.time())
            button = question_blocks.button(asked, missed.ANSWER, "Answer")
            await self._store.offer(missed_offer.card(asked, button), threads)
            self._wake(held.thread_id)

    async def _active(self) -> list[ActiveThread]:
        """Return the newest messages of the bot's threads, newest first."""
        found: list[ActiveThread] = []
        before = 0
        for _ in range(MAX_LOOKED_AT):
            part = await self._store.active(before)
            if not part:
                break
            found += part
            before = part[-1].number
        return found

    def _report(self, about: str, words: str) -> None:
        """Log a problem, unless it was the last one logged about the same thing."""
        if self._reported.get(about) != words:
            if len(self._reported) >= MAX_REPORTED:
                self._reported.clear()
            self._reported[about] = words
            log.warning(words)


async def _until_failures(jobs: Iterable[Awaitable[bool]]) -> bool:
    """Await the jobs one after the other until too many fail in a row. Return whether all succeeded."""
    failed = in_a_row = 0
    for job in jobs:
        done = await job
        failed, in_a_row = failed + (not done), 0 if done else in_a_row + 1
        if in_a_row >= FAILURES_AT_ONCE:
            break
    return not failed
