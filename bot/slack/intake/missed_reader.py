"""Reads from Slack's histories what was written while no connection was open, page by page."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.amendments import EDIT_SECONDS, Amendment
from bot.core.inbox import AuthorKind, Incoming
from bot.core.json_text import JsonObject
from bot.core.outages import MARGIN_SECONDS, Conversation, Gap, Missed, RecordedMessage, read_from, reread_from
from bot.core.thread_ref import ThreadRef
from bot.core.untrusted import count, items, mapping
from bot.pace import Pace
from bot.slack import missed_gaps
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.error_kinds import ErrorKind, kind_of
from bot.slack.intake.messages import edited_at, incoming, is_posted
from bot.slack.intake.missed_changes import Comparison, Pages, version
from bot.slack.intake.model_words import NO_MODELS, ModelWords
from bot.slack.intake.stop_rights import MayStop, nobody, with_rights
from bot.slack.own_posts import OwnPosts
from bot.slack.reading.message import Ourselves, is_spoken
from bot.slack.reading.rendering import note

log = logging.getLogger(__name__)

PAGE = 50
"""Messages per request. Each may have 50 blocks, and a page is parsed in one go."""
MAX_PAGES = 20
"""Requests for one thread, or for the messages of one conversation."""
MAX_BEGUN = 20
"""Threads that were started in a conversation during the outage, and that are read too."""
READ_SECONDS = 20.0
"""Time limit for a thread in which somebody waits for an answer."""
NO_THREAD = "thread_not_found"
PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each retry in such a thread."""


SENT_SECONDS = 5.0
"""How long a post that is being sent is waited for."""


async def at_once() -> None:
    """Do not wait before a request."""


@dataclass(slots=True)
class MissedReader:
    """Reads what was missed; one instance serves all conversations."""

    client: AsyncWebClient
    ourselves: Ourselves
    bots: Collection[str] = ()
    late_seconds: float = 3600.0
    """Messages that are older than this are marked as late."""
    clock: Callable[[], float] = time.time
    over: Callable[[], int] = int
    """Returns the number of the last outage that has ended. During an outage, a history may be incomplete."""
    may_stop: MayStop = nobody
    """Returns whether a person's stop word ends the turns of others."""
    model_words: ModelWords = NO_MODELS
    """Recognizes messages that choose a model."""
    posts: OwnPosts = field(default_factory=OwnPosts)
    """What this process posts."""

    async def of_thread(self, place: ThreadRef, gap: Gap, known: Sequence[RecordedMessage]) -> Missed:
        """Return what was missed in a thread in which somebody waits, and what of it could not be read."""
        code, last = "", min(gap.last, self.over())
        try:
            async with asyncio.timeout(READ_SECONDS):
                for pause in (*PAUSES, None):
                    try:
                        oldest = read_from(gap, self.clock())
                        found = await self.thread(place, oldest, known, at_once)
                        words = missed_gaps.for_the_model(found)
                        return replace(noted(found, place, gap, words), last=last)
                    except SLACK_ERRORS as error:
                        code = code_of(error)
                        kind = kind_of(code)
                        if pause is None or kind in (ErrorKind.PERMANENT, ErrorKind.OPERATOR):
                            last = last if kind is ErrorKind.PERMANENT else 0
                            break
                        await asyncio.sleep(pause)
        except TimeoutError:
            code, last = code or "TimeoutError", 0
        log.warning("cannot read what was missed in a thread in %s (%s)", place.channel, code)
        found = Missed(last=last, error=code, words=missed_gaps.for_people(code))
        return noted(found, place, gap, missed_gaps.for_the_model(found))

    async def thread(
        self, place: ThreadRef, oldest: float, known: Sequence[RecordedMessage], wait: Callable[[], Awaitable[None]]
    ) -> Missed:
        """Return what was written in a thread since a Unix time, oldest first, and what was edited or deleted.

        Args:
            place: the thread.
            oldest: Unix time in seconds.
            known: the messages of the thread that were recorded before this was called; others cannot have been
                deleted.
            wait: is awaited before each request.

        Raises SLACK_ERRORS.
        """
        now = self.clock()
        about = Comparison(place, now, self.ourselves, self.bots, self.late_seconds)

        async def read(since: float) -> Pages:
            async def page(cursor: str | None) -> Any:
                return await self.client.conversations_replies(
                    channel=place.channel,
                    ts=place.thread_ts,
                    oldest=f"{since:.6f}",
                    limit=PAGE,
                    cursor=cursor,
                    include_all_metadata=True,
                )

            return await self._pages(page, since, wait)

        try:
            pages = await read(since := reread_from(known, oldest, now))
            if not pages.is_whole and since < oldest:  # what is new is more important
                pages = await read(oldest)
        except SLACK_ERRORS as error:
            if code_of(error) != NO_THREAD:
                raise
            # The first message was deleted, and there were no replies.
            return Missed(changes=[about.deletion(place.thread_ts, ends_thread=True)])
        if not pages.is_whole:
            self._report(place.channel)
        conversation = Conversation(place.team, place.channel, place.kind)
        found = await self._incoming(place.team, conversation, pages.messages, oldest)
        changes, number = await compared(about, known, pages)
        root = any(each.ts == place.thread_ts for each in known)
        return Missed(found, changes, max(0, number - root), number == len(known), pages.is_whole)

    async def conversation(
        self, conversation: Conversation, oldest: float, wait: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[list[Incoming]]:
        """Yield what was written to the bot in a conversation since a Unix time: first what has no replies, which need
        not wait for the requests that read the new threads, then thread by thread. Each part has the oldest first.

        `wait` is awaited before each request. Raises SLACK_ERRORS.
        """

        async def page(cursor: str | None) -> Any:
            return await self.client.conversations_history(
                channel=conversation.channel,
                oldest=f"{oldest:.6f}",
                limit=PAGE,
                cursor=cursor,
                include_all_metadata=True,
            )

        pages = await self._pages(page, oldest, wait)
        if not pages.is_whole:
            self._report(conversation.channel)
        roots = pages.messages
        found = await self._incoming(conversation.team, conversation, roots, oldest)
        found = [each for each in found if each.addressed or each.ts != each.place.thread_ts]
        begun = [str(each.get("ts")) for each in roots if count(each.get("reply_count"))]
        if len(begun) > MAX_BEGUN:
            self._report(conversation.channel)
        read = begun[-MAX_BEGUN:]
        yield sorted((each for each in found if each.ts not in read), key=_moment)
        for ts in read:
            place = ThreadRef(conversation.team, conversation.channel, ts, conversation.kind)
            replies = (await self.thread(place, oldest, (), wait)).messages
            yield sorted([*(each for each in found if each.ts == ts), *replies], key=_moment)

    async def _pages(
        self,
        page: Callable[[str | None], Awaitable[Any]],
        since: float,
        wait: Callable[[], Awaitable[None]],
    ) -> Pages:
        found: list[JsonObject] = []
        cursor: str | None = None
        cursors: set[str | None] = {None}
        limited = more = False
        for _ in range(MAX_PAGES):
            await wait()
            answer = await page(cursor)
            found += [each for item in items(answer.get("messages")) if (each := mapping(item))]
            limited = limited or answer.get("is_limited") is True
            more = answer.get("has_more") is True
            cursor = str(mapping(answer.get("response_metadata")).get("next_cursor") or "") or None
            if cursor in cursors:  # the last page, or one that was read before
                break
            cursors.add(cursor)
        return Pages(found, since, is_whole=cursor is None and not more, is_limited=limited)

    def _report(self, channel: str) -> None:
        log.warning("more was written in %s while no connection was open than is read; the rest is skipped", channel)

    async def _incoming(
        self, team: str, conversation: Conversation, found: Sequence[JsonObject], oldest: float
    ) -> list[Incoming]:
        messages: list[Incoming] = []
        pace, now = Pace(), self.clock()
        for each in found:
            event = {**each, "channel": conversation.channel, "channel_type": conversation.kind}
            message = incoming({"team_id": team, "event": event}, self.ourselves, self.bots, history=True)
            await pace.checkpoint()
            # As with events, our own posts and notices by Slack are skipped. Each page of a thread begins with the
            # root, which may be old.
            if message is None or is_posted(each) or not is_spoken(each):
                continue
            at = float(message.ts)
            if at >= oldest and not await self._is_post(message):
                edited = edited_at(each)
                # It was delivered without a mention: a mention that an edit adds so late does not count. If it was not
                # delivered, its first wording is unknown.
                added = at < oldest + MARGIN_SECONDS and edited and float(edited) - at > EDIT_SECONDS
                message = replace(message, addressed=message.addressed and not (added and conversation.kind != "im"))
                message = self.model_words.read(await with_rights(message, self.may_stop))
                late = now - at > self.late_seconds
                messages.append(replace(message, missed=True, late=late, version=version(edited, now)))
        return sorted(messages, key=_moment)

    async def _is_post(self, message: Incoming) -> bool:
        """Return whether a message is a post of this process. A stream has no metadata before it is stopped, and may
        be known to nobody before it has been started."""
        if message.author is not AuthorKind.OWN or message.post:
            return False
        return await self.posts.includes(message.place.channel, message.ts, SENT_SECONDS)


async def compared(about: Comparison, known: Sequence[RecordedMessage], pages: Pages) -> tuple[list[Amendment], int]:
    """Return the edits and deletions among recorded messages, and how many messages could be compared."""
    changes: list[Amendment] = []
    number, pace = 0, Pace()
    for change in about.changes(known, pages):
        number += 1
        changes += [change] if change is not None else []
        await pace.checkpoint()
    return changes, number


def noted(found: Missed, place: ThreadRef, gap: Gap, words: str) -> Missed:
    """Return what was found, and before it a note to the model if there are words."""
    if not words:
        return found
    key = f"outage-{place.channel}-{place.thread_ts}-{gap.last}"
    said = Incoming(place, key, "", f"{gap.since:.6f}0", note(words), (), addressed=False, earlier=True)
    return replace(found, messages=[said, *found.messages])


def _moment(message: Incoming) -> tuple[float, str]:
    return float(message.ts), message.ts
