"""Reads after an outage what was written meanwhile, and admits it like events: in the background, within Slack's rate
limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.inbox import Admission
from bot.core.outages import (
    ActiveThread,
    Conversation,
    Gap,
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
from bot.core.untrusted import items, mapping
from bot.slack.blocks import missed_offer, question_blocks
from bot.slack.connectivity import BEAT_SECONDS
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.error_kinds import ErrorKind, kind_of
from bot.slack.intake.amending import amend
from bot.slack.intake.missed_reader import MissedReader
from bot.slack.reading.message import identifier

log = logging.getLogger(__name__)

BURST = 15
"""Requests that may be made at once; further ones at the rate of PER_MINUTE."""
PER_MINUTE = 40.0
"""Slack allows about 50 a minute of each method; turns read threads, too."""
PAGES = 10
"""Pages of the list of conversations."""
LISTED = 200
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
TYPES = ("public_channel,private_channel,mpim", "im")
"""Requested separately: apps that were installed before the scope im:read was required may list only the first."""


class OutageStore(Inbox, Outages, Protocol):
    """The part of the store that is used here."""


class Allowance:
    """Limits the rate of requests."""

    def __init__(self) -> None:
        self._left, self._at = float(BURST), time.monotonic()

    async def wait(self) -> None:
        """Wait until another request may be made."""
        now = time.monotonic()
        self._left, self._at = min(float(BURST), self._left + (now - self._at) * PER_MINUTE / 60), now
        self._left -= 1
        if self._left < 0:
            await asyncio.sleep(-self._left * 60 / PER_MINUTE)


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
    ) -> None:
        """Create the background reader.

        Args:
            store: where messages and outages are recorded.
            client: Slack's client.
            reader: reads threads and conversations.
            wake: schedules a thread.
            team: the installation, to which conversations without a known thread belong.
            workspaces: returns the workspaces whose conversations are listed; None means the token's own.
        """
        self._store = store
        self._client = client
        self._reader = reader
        self._wake = wake
        self._team = team
        self._workspaces = workspaces
        self._wanted = asyncio.Event()
        self._busy = False
        self._allowance = Allowance()
        self._reported: dict[str, str] = {}
        self._unlisted = set[str]()
        """Types of conversations that Slack does not list because a scope is missing."""

    @property
    def idle(self) -> bool:
        """Whether nothing is being read or waiting to be read."""
        return not (self._busy or self._wanted.is_set())

    def read(self) -> None:
        """Request that what was missed is read soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Read what was missed whenever that is requested, until cancelled."""
        failures = 0
        while True:
            pause = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1)) if failures else None
            try:
                await asyncio.wait_for(self._wanted.wait(), pause)
            except TimeoutError:
                pass
            else:
                failures = 0
            self._busy = True
            self._wanted.clear()
            try:
                done = await self.once()
            finally:
                self._busy = False
            failures = 0 if done or failures + 1 >= TRIES else failures + 1

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
        conversations = conversations_to_read(known_conversations(found), await self._listed())
        gaps = await self._store.gaps(conversations)
        now = self._reader.clock()
        jobs: list[tuple[int | Conversation, Gap, Callable[[], Awaitable[Missed]]]] = []
        for each, gap in zip(conversations, gaps, strict=True):
            if gap is not None:
                jobs.append((each, gap, self._conversation(each, read_from(gap, now))))
        for each in threads_with_gaps(found, now).values():
            if each.gap is not None:
                jobs.append((each.thread_id, each.gap, self._thread(each, read_from(each.gap, now))))
        failed = in_a_row = 0
        for what, gap, work in jobs:
            if in_a_row >= FAILURES_AT_ONCE:
                break
            done = await self._read(what, gap, work)
            failed, in_a_row = failed + (not done), 0 if done else in_a_row + 1
        await self._offer()
        return not failed

    def _conversation(self, conversation: Conversation, oldest: float) -> Callable[[], Awaitable[Missed]]:
        async def read() -> Missed:
            return Missed(await self._reader.conversation(conversation, oldest, self._allowance.wait))

        return read

    def _thread(self, active: ActiveThread, oldest: float) -> Callable[[], Awaitable[Missed]]:
        async def read() -> Missed:
            known = await self._store.recorded(active.thread_id)
            return await self._reader.thread(active.place, oldest, known, self._allowance.wait)

        return read

    async def _read(self, what: int | Conversation, gap: Gap, work: Callable[[], Awaitable[Missed]]) -> bool:
        """Read one thread or conversation. Return False if that failed, and may succeed later."""
        last = min(gap.last, self._reader.over())
        try:
            with failpoints.around("read what was missed"):
                found = await work()
        except SLACK_ERRORS as error:
            code = code_of(error)
            about = what.channel if isinstance(what, Conversation) else f"thread {what}"
            kind = kind_of(code)
            if kind is not ErrorKind.OPERATOR:  # what an operator has to do is reported by the client
                self._report(about, f"cannot read what was written in {about} while no connection was open ({code})")
            if kind is ErrorKind.PERMANENT:
                await self._store.caught_up(what, last)
            return kind in (ErrorKind.PERMANENT, ErrorKind.OPERATOR)
        woken = set[int]()
        for message in found.messages:
            admission, thread_id = await self._store.admit(message)
            if admission is Admission.STARTS:
                woken.add(thread_id)
            elif admission is Admission.STOPS:
                woken.update(await self._store.waiting())
        for change in found.changes:
            woken.update(await amend(self._store, change))
        await self._store.caught_up(what, last)
        for thread_id in sorted(woken):
            self._wake(thread_id)
        return True

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

    async def _listed(self) -> list[Conversation]:
        """Return the conversations that the bot is in, as far as Slack lists them."""
        found: list[Conversation] = []
        for types in TYPES:
            if types in self._unlisted:
                continue
            try:
                found += await self._list(types)
            except (*SLACK_ERRORS, LookupError) as error:
                code = code_of(error)
                if code == "missing_scope":
                    self._unlisted.add(types)
                else:
                    self._report(types, f"cannot list the conversations that the bot is in ({code})")
        return found

    def _report(self, about: str, words: str) -> None:
        """Log a problem, unless it was the last one logged about the same thing."""
        if self._reported.get(about) != words:
            if len(self._reported) >= MAX_REPORTED:
                self._reported.clear()
            self._reported[about] = words
            log.warning(words)

    async def _list(self, types: str) -> list[Conversation]:
        found: dict[str, Conversation] = {}
        workspaces = list(await self._workspaces())
        cursor: str | None = None
        for _ in range(max(PAGES, len(workspaces))):
            await self._allowance.wait()
            # An organisation's token has to name the workspace (docs.slack.dev/reference/methods/users.conversations).
            answer: Any = await self._client.users_conversations(
                types=types, exclude_archived=True, limit=LISTED, cursor=cursor, team_id=workspaces[0]
            )
            for item in items(answer.get("channels")):
                each = mapping(item)
                if channel := identifier(each.get("id")):
                    found[channel] = Conversation(self._team, channel, _kind(each))
            cursor = str(mapping(answer.get("response_metadata")).get("next_cursor") or "") or None
            if cursor is None:
                del workspaces[0]
            if not workspaces:
                break
        return list(found.values())


def _kind(conversation: dict[str, Any]) -> str:
    kinds = {"is_im": "im", "is_mpim": "mpim", "is_private": "group"}
    return next((kind for name, kind in kinds.items() if conversation.get(name) is True), "channel")
