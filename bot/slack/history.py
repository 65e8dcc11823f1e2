"""Reads what was said in a thread: its first message and the newest ones, page by page, within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.json_text import JsonObject
from bot.core.thread_ref import ThreadRef
from bot.core.untrusted import count, items, mapping
from bot.slack.delivery.errors import SLACK_ERRORS, code_of

log = logging.getLogger(__name__)

PAGE = 50
"""Messages of a thread that are read at a time. Each may have 50 blocks, and a page is parsed in one go."""
LARGE_PAGE = 200
"""The same where the messages are as short as most are."""
LIGHT = 2_000
"""Characters of a short message, about."""
MAX_PAGES = 25
"""Requests for one thread; Slack allows about 50 a minute for all (docs.slack.dev/apis/web-api/rate-limits, Tier 3)."""
READ_SECONDS = 20.0
"""For all of them, with the pauses that Slack asks for."""
SPARE = 1.5
"""How many more messages than are wanted are looked for at first, since people do not write evenly."""

SMALLEST_SHARE = 1e-8
"""Of a thread's time. A second of three years."""


class RepeatedPageError(Exception):
    """Slack has given a cursor that it gave before."""


@dataclass(slots=True)
class History:
    """What was read of a thread."""

    root: JsonObject | None = None
    replies: Sequence[JsonObject] = ()
    """The newest replies, oldest first."""
    left_out: int = 0
    """How many other replies there are."""
    is_newest: bool = False
    """These are the newest ones; else what could be read."""
    error: str = ""
    """Slack's code for why something could not be read: an error, or `is_limited` if the workspace's plan hides it."""


@dataclass(slots=True)
class _Read:
    """What the pages from one time on hold."""

    replies: deque[JsonObject]
    known: set[str] = field(default_factory=set[str])
    """Timestamps of those that were read: pages may overlap while a thread is written."""
    is_whole: bool = False
    """They reach up to the newest reply."""
    cursors: set[str] = field(default_factory=set[str])

    @property
    def seen(self) -> int:
        """How many replies were read."""
        return len(self.known)


@dataclass(slots=True)
class ThreadReader:
    """Reads one thread."""

    client: AsyncWebClient
    place: ThreadRef
    most: int
    """How many replies are wanted."""
    _history: History = field(default_factory=History)
    _pages: int = 0
    _limit: int = PAGE

    async def read(self) -> History:
        """Return the root and the newest replies. What cannot be read is left out, and said to be."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._read()
        except (*SLACK_ERRORS, RepeatedPageError) as error:
            self._history.error = code_of(error)
            log.warning("what was said before in %s cannot be read (%s)", self.place.channel, self._history.error)
        return self._history

    async def _read(self) -> None:
        # Slack gives the oldest first. The first page says how many there are.
        first = _Read(deque(maxlen=self.most))
        cursor = await self._page(first)
        first.is_whole = not cursor
        self._take(first)
        if cursor and self._total - first.seen > (MAX_PAGES - 1) * self._limit:
            await self._newest()
            return
        while cursor and self._pages < MAX_PAGES:
            cursor = await self._page(first, cursor=cursor)
            first.is_whole = not cursor
            self._take(first)

    async def _newest(self) -> None:
        """Find the newest replies of a thread that is too long to be read: they were written after a time that can only
        be guessed."""
        known, within, beyond = _Read(deque()), 0.0, 0.0
        share = min(1.0, max(SMALLEST_SHARE, SPARE * self.most / self._total))
        while self._pages < MAX_PAGES and known.seen < self.most:
            found = await self._last(share, 1 + int(SPARE * self.most) // self._limit)
            if found.is_whole and found.seen >= known.seen:
                known, within = found, share
                self._take(known)
            else:
                beyond = share
            share = (within + beyond) / 2 if beyond else min(1.0, within * 4)
            if share < SMALLEST_SHARE or share == within:
                return

    async def _last(self, share: float, pages: int) -> _Read:
        """Read the replies of the last part of the thread's time, in at most so many pages."""
        root = self._history.root or {}
        begun, ended = float(self.place.thread_ts), _number(root.get("latest_reply"))
        found = _Read(deque(maxlen=self.most))
        oldest = f"{max(begun, ended - share * max(ended - begun, 1.0)):.6f}"
        cursor = await self._page(found, oldest)
        while cursor and pages > 1 and self._pages < MAX_PAGES:
            pages -= 1
            cursor = await self._page(found, oldest, cursor)
        found.is_whole = not cursor
        return found

    async def _page(self, read: _Read, oldest: str = "", cursor: str = "") -> str:
        """Read a page; returns the cursor of the next one."""
        if cursor in read.cursors:
            raise RepeatedPageError
        read.cursors.update(filter(None, (cursor,)))
        self._pages += 1
        answer: Any = await self.client.conversations_replies(
            channel=self.place.channel,
            ts=self.place.thread_ts,
            limit=self._limit,
            include_all_metadata=True,
            oldest=oldest or None,
            cursor=cursor or None,
        )
        if answer.get("is_limited") is True:
            self._history.error = "is_limited"
        messages = [mapping(each) for each in items(answer.get("messages"))]
        for each in messages:
            if each.get("ts") == self.place.thread_ts:
                self._history.root = each
            elif each and (ts := str(each.get("ts"))) not in read.known:
                read.known.add(ts)
                read.replies.append(each)
        self._limit = LARGE_PAGE if sum(map(_weight, messages)) <= LIGHT * max(1, len(messages)) else PAGE
        return str(mapping(answer.get("response_metadata")).get("next_cursor") or "")

    @property
    def _total(self) -> int:
        """How many replies there are, as the root says."""
        return count((self._history.root or {}).get("reply_count"))

    def _take(self, read: _Read) -> None:
        """Keep these replies as the newest that are known."""
        self._history.replies, self._history.is_newest = list(read.replies), read.is_whole
        self._history.left_out = max(self._total, read.seen) - len(read.replies)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str) and len(value) < 30 else 0.0
    except ValueError:
        return 0.0


def _weight(message: JsonObject) -> int:
    """Return how much there is to parse of a message, about, in characters."""
    said = message.get("text")
    parts = sum(len(items(message.get(key))) for key in ("blocks", "attachments", "files"))
    return 500 + (len(said) if isinstance(said, str) else 0) + 1_000 * max(0, parts - 1)
