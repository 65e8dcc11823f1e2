"""Takes the actions that one message needs until Slack shows what the store says.

What is done about a message is decided by `bot.core.posts.next_action`, what follows an error by the table in
`bot.slack.delivery.errors`, and what follows when Slack refuses it for good by that in `bot.slack.delivery.kinds`.
Streams are in `bot.slack.delivery.streams`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bot import failpoints
from bot.core.json_text import JsonObject
from bot.core.posts import INCOMPLETE, Action, Post, PostState, next_action
from bot.core.questions.question import Decision
from bot.core.thread_ref import ThreadRef
from bot.errors import StoreError
from bot.pace import offload
from bot.slack.blocks.messages import deletion_notice
from bot.slack.delivery.errors import SLACK_ERRORS, Next, code_of, retry_after, what_follows
from bot.slack.delivery.kinds import PLAIN, Kind
from bot.slack.delivery.known import DeliveryStore, KnownPost, KnownThreads
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender, Unthreaded
from bot.slack.delivery.streams import Ended, Streams

log = logging.getLogger(__name__)

MAX_WAIT = 86_400.0
"""Seconds for which a message may wait for an operator to allow it."""
MAX_TRIES = 30
"""Of what Slack refuses with an error we do not know: about half an hour."""


class Settler:
    """Brings Slack in line with one message at a time."""

    def __init__(
        self,
        store: DeliveryStore,
        sender: Sender,
        streams: Streams,
        kinds: Mapping[str, Kind],
        rate: UpdateRate,
        *,
        known: KnownThreads,
        wake: Callable[[int], None],
        advance: Callable[[int], None],
        background: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        """`known` is what is known of all threads; the others are as for `Outbox`."""
        self._store = store
        self._sender = sender
        self._streams = streams
        self._kinds = kinds
        self._rate = rate
        self._wake = wake
        self._advance = advance
        self._background = background
        self._known = known
        self._by_action: Mapping[Action, Callable[[ThreadRef, Post, KnownPost], Awaitable[Post]]] = {
            Action.READ: self._read,
            Action.START: self._start,
            Action.APPEND: self._append,
            Action.STOP: self._stop,
            Action.REMOVE: self._remove,
        }

    async def settle(self, place: ThreadRef, post: Post, known: KnownPost, *, gone: bool) -> Post:
        """Take the actions that one message needs until there are none. Out: its state afterwards. Raises errors that
        are worth a retry."""
        if known.sent:
            known.overtaken |= gone or post.revision != known.revision
            return post
        kind = self._kind(post)
        known.stopped = False
        body, rendered = None, gone
        while True:
            if not self._streams.look(place, post, known, kind, gone=gone) and not rendered:
                body, rendered = await self._body(post), True
            if rendered and not post.streaming:
                known.wanted, known.differs = body is not None, body != known.body
            action = next_action(post, known)
            if action is Action.WAIT:
                self._wait(place, post, known)
            if action in (Action.NOTHING, Action.WAIT):
                return post
            if action is Action.REMOVE and not gone and await self._has_grown(post):
                self._wake(post.thread_id)
                return post
            post = await self._act(action, place, post, body, known)
            if action is Action.READ and post.person and post.state is PostState.POSTED:
                return post  # in a conversation that only the next pass knows

    async def _act(
        self, action: Action, place: ThreadRef, post: Post, body: JsonObject | None, known: KnownPost
    ) -> Post:
        if action in (Action.POST, Action.UPLOAD):
            return await self._post(action, place, post, body or {}, known)
        if action is Action.UPDATE:
            return await self._update(place, post, body or {}, known)
        if action is Action.GIVE_UP:
            return await self._give_up(place, post, body, known)
        return await self._by_action[action](place, post, known)

    async def _body(self, post: Post) -> JsonObject | None:
        """What Slack is to show of it; None when it is to go away."""
        kind = self._kind(post)
        if kind.prerendered and not post.revision:
            return json.loads(post.payload)
        size = sum(each.size for each in post.about) or len(post.payload)
        return await offload(size, kind.render, post)

    async def _has_grown(self, post: Post) -> bool:
        """Return whether the store has a newer revision of a message than the one that was read."""
        if self._kind(post).streamed is None:
            return False
        there = [(each.id, each.revision) for each in (await self._store.deliveries(post.thread_id)).posts]
        return (post.id, post.revision) not in there

    def _kind(self, post: Post) -> Kind:
        return self._kinds.get(post.kind, PLAIN)

    async def _read(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        try:
            unmarked: list[str] | None = None if self._kind(post).streamed is None else []
            found = await self._sender.find(place, post, unmarked)
        except Unthreaded as outside:
            return await self._close_thread(post, outside.ts)
        if found is None and unmarked:
            accounted = await self._store.accounted_for(post.thread_id, unmarked)
            if streams := [each for each in unmarked if each not in accounted]:
                return await self._streaming(post, streams[-1], known)
        if found is None:
            known.absent = True
            return post
        # It is unknown which revision arrived, so a later one than the first is sent again.
        post = replace(post, channel=found.channel)
        return await self._arrived(post, found.ts, 0, known, needs_ts=self._kind(post).needs_ts)

    def _wait(self, place: ThreadRef, post: Post, known: KnownPost) -> None:
        if self._kind(post).streamed is None:
            self._rate.changed(post.thread_id, post.kind)
        else:
            self._streams.wait(place, post, known)

    async def _start(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        known.doubtful, known.absent = True, False
        ts = await self._streams.start(place, post, known, self._kind(post))
        if ts:
            return await self._streaming(post, ts, known)
        known.doubtful = False
        return post

    async def _streaming(self, post: Post, ts: str, known: KnownPost) -> Post:
        """A stream is open on it."""
        await self._store.posted(post.id, ts, INCOMPLETE, streaming=True)
        known.doubtful = known.unrecorded = False
        return post.posted(ts, INCOMPLETE, streaming=True)

    async def _append(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        return post if await self._streams.append(place, post, known) else await self._gone(place, post, known)

    async def _stop(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        ended = await self._streams.stop(place, post, known)
        if ended is Ended.GONE:
            return await self._gone(place, post, known)
        broken_off = self._kind(post).broken_off if known.broken_off else None
        if broken_off is not None:
            broken_off(post)
        complete = ended is Ended.COMPLETE and broken_off is None
        known.body = await self._body(post) if complete and not post.final else None
        shown = post.revision if complete else INCOMPLETE
        await self._store.shown(post.id, shown)
        return replace(post, shown=shown, streaming=False)

    async def _post(self, action: Action, place: ThreadRef, post: Post, body: JsonObject, known: KnownPost) -> Post:
        known.doubtful, known.absent = True, False
        try:
            with failpoints.around(f"post {post.kind}"):
                if post.person:
                    channel, ts = await self._sender.post_to(post, body)
                    post = replace(post, channel=channel)
                else:
                    as_text = not (self._kind(post).needs_blocks or post.about)
                    ts = await self._sender.post(place, post, body, as_text=as_text)
        except Unthreaded as outside:
            return await self._close_thread(post, outside.ts)
        except SLACK_ERRORS as error:
            known.doubtful = what_follows(error, action) is Next.UNKNOWN
            self._failed(error, action, place, post, known)
            return post
        self._showing(post, body, known)
        self._streams.posted(place, post, known, self._kind(post))
        # Nothing follows the end of a turn's message but what people ask for: nobody needs its timestamp yet.
        last = post.final and not post.about and self._kind(post).streamed is not None
        return await self._arrived(post, ts, post.revision, known, needs_ts=self._kind(post).needs_ts and not last)

    async def _close_thread(self, post: Post, ts: str) -> Post:
        """Give up a thread that is gone, in which Slack has posted a message outside of it. The message is deleted
        next: that it has to be is on the disk."""
        await self._store.close_thread(post.thread_id, ts, post.id)
        log.warning("thread %s: its first message was deleted, so nothing more is posted there", post.thread_id)
        self._advance(post.thread_id)
        return replace(post, state=PostState.REFUSED)

    async def _arrived(self, post: Post, ts: str, shown: int, known: KnownPost, *, needs_ts: bool) -> Post:
        """It is in Slack. When nobody needs its timestamp, that is recorded a moment later; if that never happens, the
        thread is read for it."""
        if needs_ts:
            if begun := await self._store.posted(post.id, ts, shown, channel=post.channel):
                self._advance(begun)
            known.doubtful = known.unrecorded = False
        else:
            known.sent, known.recorded, known.revision = True, False, post.revision
            self._background(self._record(post, ts, shown, known))
        return post.posted(ts, shown)

    async def _record(self, post: Post, ts: str, shown: int, known: KnownPost) -> None:
        try:
            await self._store.posted(post.id, ts, shown, soon=True)
            known.recorded, known.unrecorded = True, False
        except StoreError as error:
            log.warning("could not record a post: %s", error.detail)
        finally:
            if not known.recorded:
                known.sent, known.absent = False, False
                known.doubtful = known.unrecorded = True
        if known.recorded:
            self._known.recorded(post.thread_id, post.id)
            if known.overtaken:
                self._wake(post.thread_id)

    async def _update(self, place: ThreadRef, post: Post, body: JsonObject, known: KnownPost) -> Post:
        recorded, streams = post.shown != post.revision, self._kind(post).streamed is not None
        self._streams.updating(post, known, self._kind(post))
        try:
            with failpoints.around(f"update {post.kind}"):
                key = post.key if streams else ""
                await self._sender.update(place.channel, post.ts, body, repeat=recorded and not streams, key=key)
        except SLACK_ERRORS as error:
            known.body = None
            follows = what_follows(error, Action.UPDATE)
            if follows is Next.GONE:
                return await self._gone(place, post, known)
            if streams and self._streams.limited(error):
                return post
            if follows is Next.STOP_FIRST and not known.stopped:
                known.stopped = True
                return replace(post, streaming=True)
            if recorded or follows is Next.GIVE_UP:
                self._failed(error, Action.UPDATE, place, post, known)
                return post
            # Such an update is soon out of date, so it is not retried; the next change is.
            log.debug("thread %s: could not update a %s (%s)", post.thread_id, post.kind, code_of(error))
            self._rate.hold(post.thread_id, post.kind, max(self._rate.seconds, retry_after(error)))
            return post
        self._showing(post, body, known)
        return await self._shown(post)

    async def _gone(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        """Somebody has deleted it. If it waits for an answer, or was not complete yet, it is posted again."""
        known.stream = known.body = None
        grows = self._kind(post).streamed is not None
        asked = await self._store.deleted(place.channel, post.ts, deletion_notice(place.channel, post.ts))
        if not (asked or (grows and await self._store.lost(post.id))):
            return await self._close(post, known)
        self._wake(post.thread_id)
        self._advance(post.thread_id)
        return replace(post, state=PostState.REMOVED)

    async def _shown(self, post: Post) -> Post:
        """Record that Slack shows the current revision, if there was a new one."""
        if post.shown != post.revision:
            await self._store.shown(post.id, post.revision)
        return replace(post, shown=post.revision)

    async def _remove(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        if post.state is PostState.POSTED:
            try:
                with failpoints.around(f"remove {post.kind}"):
                    await self._sender.remove(place.channel, post.ts)
            except SLACK_ERRORS as error:
                if what_follows(error, Action.REMOVE) is not Next.GONE:
                    self._failed(error, Action.REMOVE, place, post, known)
                    return post
        left = await self._close(post, known, post.revision)
        if left.state is not PostState.REMOVED:
            await self._store.lost(post.id)  # there is something to show again, and the message is no longer in Slack
        return replace(left, state=PostState.REMOVED)

    async def _close(self, post: Post, known: KnownPost, revision: int | None = None) -> Post:
        """Record that the message is not in Slack and never will be; with a revision, unless there is a newer one."""
        known.body = None
        if await self._store.post_closed(post.id, PostState.REMOVED, revision):
            return replace(post, state=PostState.REMOVED)
        self._wake(post.thread_id)
        return post

    def _showing(self, post: Post, body: JsonObject, known: KnownPost) -> None:
        known.body, known.tries = None if post.final else body, 0
        if not (post.final or known.complete):
            self._rate.hold(post.thread_id, post.kind)

    def _failed(self, error: Exception, action: Action, place: ThreadRef, post: Post, known: KnownPost) -> None:
        """Raise the error if it is worth a retry; else mark the message as refused."""
        follows = what_follows(error, action)
        known.tries += follows is Next.SOME_TRIES
        young = time.time() - post.created_at < MAX_WAIT
        if follows in (Next.LATER, Next.UNKNOWN, Next.STOP_FIRST) or (follows is Next.WHEN_FIXED and young):
            raise error
        if follows is Next.SOME_TRIES and known.tries < MAX_TRIES:
            raise error
        log.error("Slack permanently refused to %s a %s in %s (%s)", action, post.kind, place.channel, code_of(error))
        known.refused = True

    async def _give_up(self, place: ThreadRef, post: Post, body: JsonObject | None, known: KnownPost) -> Post:
        """Handle that Slack refuses to post a message. One that Slack refuses to change or delete stays as it is."""
        known.refused, known.tries = False, 0
        if post.state is PostState.POSTED:
            if body is None:
                return replace(await self._close(post, known, post.revision), state=PostState.REMOVED)
            if self._kind(post).must_change(post):
                # What Slack does not remove either has only buttons that no longer count.
                with suppress(*SLACK_ERRORS):
                    await self._sender.remove(place.channel, post.ts)
                return await self._gone(place, post, known)
            if any(question.decision == Decision.AWAITING for question in post.about):
                # What it asks may never have been shown.
                await self._store.withdraw(post.about[0].id)
                self._advance(post.thread_id)
            self._showing(post, body, known)
            return await self._shown(post)
        refused = await offload(len(post.payload), self._kind(post).refused, post)
        # In this order, and with keys that follow from the post's: cut off in between, it is done once more.
        if refused.instead:
            await self._store.owe(post.thread_id, refused.instead)
        if refused.question:
            await self._store.withdraw(refused.question)
            self._advance(post.thread_id)
        at = None if refused.instead or refused.question else post.revision
        if not await self._store.post_closed(post.id, PostState.REFUSED, at):
            self._wake(post.thread_id)  # the newer revision is tried instead
        return replace(post, state=PostState.REFUSED)
