"""Reads a thread's history: its first message and the newest ones, page by page, within limits."""

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
"""Messages per request. Each may have 50 blocks, and a page is parsed in one go."""
LARGE_PAGE = 200
"""Messages per request while the messages are short."""
LIGHT = 2_000
"""Average characters of a message up to which large pages are used."""
MAX_PAGES = 25
"""Requests per thread; Slack allows about 50 a minute in all (docs.slack.dev/apis/web-api/rate-limits, Tier 3)."""
READ_SECONDS = 20.0
"""Time limit for all requests of a thread, including the pauses that Slack asks for."""
SPARE = 1.5
"""How many times the wanted number of messages is looked for at first, since messages are not spread evenly."""

SMALLEST_SHARE = 1e-8
"""The smallest part of a thread's time span that is tried: one second of three years."""


class RepeatedPageError(Exception):
    """Slack has given a cursor that it gave before."""


@dataclass(slots=True)
class History:
    """What was read of a thread."""

    root: JsonObject | None = None
    replies: Sequence[JsonObject] = ()
    """The newest replies, oldest first."""
    left_out: int = 0
    """The number of replies that were not read."""
    is_newest: bool = False
    """Whether `replies` are the newest ones. Otherwise they are those that could be read."""
    error: str = ""
    """Slack's code for why something could not be read: an error, or `is_limited` if the workspace's plan hides it."""


@dataclass(slots=True)
class _Read:
    """The replies from one time on."""

    replies: deque[JsonObject]
    known: set[str] = field(default_factory=set[str])
    """Timestamps of those that were read: pages may overlap while a thread is written."""
    is_whole: bool = False
    """Whether they include the newest reply."""
    cursors: set[str] = field(default_factory=set[str])

    @property
    def seen(self) -> int:
        """The number of replies that were read."""
        return len(self.known)


@dataclass(slots=True)
class ThreadReader:
    """Reads the history of one thread."""

    client: AsyncWebClient
    place: ThreadRef
    most: int
    """The number of replies wanted."""
    _history: History = field(default_factory=History)
    _pages: int = 0
    _limit: int = PAGE

    async def read(self) -> History:
        """Return the root and the newest replies. What cannot be read is left out, and `History.error` says why."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._read()
        except (*SLACK_ERRORS, RepeatedPageError) as error:
            self._history.error = code_of(error)
            log.warning("cannot read the history of a thread in %s (%s)", self.place.channel, self._history.error)
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
        """Find the newest replies of a thread that is too long to be read. The time from which to read them is
        estimated from the number of replies."""
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
        """Read the replies in the last `share` of the thread's time span, in at most this many pages."""
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
        """Read a page. Return the cursor of the next one; empty if there is none."""
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
        """The number of replies, according to the root."""
        return count((self._history.root or {}).get("reply_count"))

    def _take(self, read: _Read) -> None:
        """Keep these replies as the newest ones known."""
        self._history.replies, self._history.is_newest = list(read.replies), read.is_whole
        self._history.left_out = max(self._total, read.seen) - len(read.replies)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str) and len(value) < 30 else 0.0
    except ValueError:
        return 0.0


def _weight(message: JsonObject) -> int:
    """Return roughly how many characters of a message have to be parsed."""
    said = message.get("text")
    parts = sum(len(items(message.get(key))) for key in ("blocks", "attachments", "files"))
    return 500 + (len(said) if isinstance(said, str) else 0) + 1_000 * max(0, parts - 1)
