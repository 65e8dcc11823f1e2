"""Delivers messages to Slack: posts each once and in order, updates it, removes it, until Slack shows what the store
says.

A post is on the disk before it is sent. When nobody knows whether it arrived (the process died, the connection broke,
Slack answered 5xx), the thread is read first, and it is posted only if it is not there. What is done about a message is
decided by `bot.core.posts.next_action`, what follows an error by the table in `bot.slack.delivery.errors`, and what
follows when Slack refuses it for good by that in `bot.slack.delivery.kinds`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol

from bot import failpoints
from bot.core.json_text import JsonObject
from bot.core.ports.posts import Posts
from bot.core.ports.store import Questions
from bot.core.posts import Action, Deliveries, Post, PostState, in_order, next_action
from bot.core.questions.question import Decision
from bot.core.thread_ref import ThreadRef
from bot.errors import StoreError
from bot.pace import offload
from bot.slack.blocks.messages import deletion_notice
from bot.slack.delivery.errors import SLACK_ERRORS, Next, code_of, retry_after, what_follows
from bot.slack.delivery.kinds import PLAIN, Kind
from bot.slack.delivery.known import KnownPost, KnownThread
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender, Unthreaded
from bot.slack.error_kinds import needs_operator

log = logging.getLogger(__name__)

MAX_PAUSE = 60.0
MAX_WAIT = 86_400.0
"""Seconds for which a message may wait for an operator to allow it."""
MAX_TRIES = 30
"""Of what Slack refuses with an error we do not know: about half an hour."""


class DeliveryStore(Posts, Questions, Protocol):
    """The posts, and the questions to close when Slack refuses to show them."""


class Outbox:
    """The messages of all threads. `reconcile` runs one at a time per thread."""

    def __init__(
        self,
        store: DeliveryStore,
        sender: Sender,
        *,
        kinds: Mapping[str, Kind],
        rate: UpdateRate,
        wake: Callable[[int], None],
        advance: Callable[[int], None],
        background: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        """`kinds` are those that differ from `PLAIN`, which is posted as it was recorded. `wake` asks for another
        `reconcile`, `advance` for the turn to go on; `background` runs what need not be waited for."""
        self._store = store
        self._sender = sender
        self._kinds = kinds
        self._rate = rate
        self._wake = wake
        self._advance = advance
        self._background = background
        self._inherited = 0
        self._known: dict[int, KnownThread] = {}

    def inherit(self, last_post: int) -> None:
        """Treat posts up to this number as those of an earlier process: the unposted ones among them may have been
        sent."""
        self._inherited = last_post

    async def reconcile(self, thread_id: int) -> None:
        """Deliver to Slack what this thread still owes. What fails temporarily is retried later."""
        thread = self._known.setdefault(thread_id, KnownThread(self._sender.forget))
        thread.busy, in_step = True, False
        try:
            while await self._bring_in_step(thread_id, thread):
                pass
            in_step = True
        except SLACK_ERRORS as error:
            self._later(thread_id, thread, error)
        finally:
            thread.end(in_step=in_step)
            self._tidy(thread_id, thread)

    async def _bring_in_step(self, thread_id: int, thread: KnownThread) -> bool:
        """Make one pass over the posts of a thread. Return whether the store may have changed meanwhile."""
        deliveries = await self._store.deliveries(thread_id)
        again = False
        for post in in_order(deliveries.posts):
            was_owed = post.state is PostState.OWED
            known = thread.posts.get(post.id)
            if known is None:
                known = thread.posts[post.id] = KnownPost(
                    doubtful=was_owed and post.id <= self._inherited and not post.person
                )
            fresh = was_owed and not known.sent
            # A direct message is there also when the thread is gone, and then shows how the request has ended.
            gone = deliveries.gone and not (post.person and post.state is PostState.POSTED)
            left = await self._settle(_place(deliveries.place, post), post, known, gone=gone)
            if left.state is PostState.REFUSED:
                return True  # this may change what else is owed
            # A card may have been decided, a turn may have come to rest, while its message was on its way.
            again |= fresh and left.state is PostState.POSTED and self._kind(post).changes
        return again or await self._offer(thread_id, deliveries)

    async def _settle(self, place: ThreadRef, post: Post, known: KnownPost, *, gone: bool) -> Post:
        """Take the actions that one message needs until there are none. Out: its state afterwards. Raises errors that
        are worth a retry."""
        if known.sent:
            return post
        body = None if gone else await self._body(post)
        while True:
            known.wanted, known.differs = body is not None, body != known.body
            known.early = self._rate.held(post.thread_id, post.kind)
            match action := next_action(post, known):
                case Action.NOTHING:
                    return post
                case Action.WAIT:
                    self._rate.changed(post.thread_id, post.kind)
                    return post
                case Action.READ:
                    post = await self._read(place, post, known)
                case Action.POST | Action.UPLOAD:
                    post = await self._post(action, place, post, body or {}, known)
                case Action.UPDATE:
                    post = await self._update(place, post, body or {}, known)
                case Action.REMOVE:
                    post = await self._remove(place, post, known)
                case Action.GIVE_UP:
                    post = await self._give_up(post, body, known)

    async def _body(self, post: Post) -> JsonObject | None:
        """What Slack is to show of it; None when it is to go away."""
        kind = self._kind(post)
        if kind.prerendered and not post.revision:
            return json.loads(post.payload)
        size = sum(each.size for each in post.about) or len(post.payload)
        return await offload(size, kind.render, post)

    def _kind(self, post: Post) -> Kind:
        return self._kinds.get(post.kind, PLAIN)

    async def _read(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        try:
            # A direct message is known only once something was posted there: a copy that is there twice does no harm.
            ts = None if post.person else await self._sender.find(place, post)
        except Unthreaded as outside:
            return await self._close_thread(post, outside.ts)
        if ts is None:
            known.absent = True
            return post
        # It is unknown which revision arrived, so a later one than the first is sent again.
        return await self._arrived(post, ts, 0, known)

    async def _post(self, action: Action, place: ThreadRef, post: Post, body: JsonObject, known: KnownPost) -> Post:
        known.doubtful, known.absent = True, False
        try:
            with failpoints.around(f"post {post.kind}"):
                if post.person:
                    channel, ts = await self._sender.post_to(post, body)
                    post = replace(post, channel=channel)
                else:
                    ts = await self._sender.post(
                        place, post, body, as_text=not (self._kind(post).needs_blocks or post.about)
                    )
        except Unthreaded as outside:
            return await self._close_thread(post, outside.ts)
        except SLACK_ERRORS as error:
            known.doubtful = what_follows(error, action) is Next.UNKNOWN
            self._failed(error, action, place, post, known)
            return post
        self._showing(post, body, known)
        return await self._arrived(post, ts, post.revision, known)

    async def _close_thread(self, post: Post, ts: str) -> Post:
        """Give up a thread that is gone, in which Slack has posted a message outside of it. The message is deleted
        next: that it has to be is on the disk."""
        await self._store.close_thread(post.thread_id, ts, post.id)
        log.warning("thread %s: its first message was deleted, so nothing more is posted there", post.thread_id)
        self._advance(post.thread_id)
        return replace(post, state=PostState.REFUSED)

    async def _arrived(self, post: Post, ts: str, shown: int, known: KnownPost) -> Post:
        """It is in Slack. When nobody needs its timestamp, that is recorded a moment later; if that never happens, the
        thread is read for it."""
        if self._kind(post).needs_ts:
            await self._store.posted(post.id, ts, shown, channel=post.channel)
            known.doubtful = known.unrecorded = False
        else:
            known.sent, known.recorded = True, False
            self._background(self._record(post, ts, shown, known))
        return post.posted(ts, shown)

    async def _record(self, post: Post, ts: str, shown: int, known: KnownPost) -> None:
        thread = self._known[post.thread_id]
        try:
            await self._store.posted(post.id, ts, shown, soon=True)
            known.recorded, known.unrecorded = True, False
        except StoreError as error:
            log.warning("could not record a post: %s", error.detail)
        finally:
            if not known.recorded:
                known.sent, known.absent = False, False
                known.doubtful = known.unrecorded = True
        if known.recorded and not thread.busy:
            thread.drop(post.id)
            self._tidy(post.thread_id, thread)

    async def _update(self, place: ThreadRef, post: Post, body: JsonObject, known: KnownPost) -> Post:
        recorded = post.shown != post.revision
        try:
            with failpoints.around(f"update {post.kind}"):
                await self._sender.update(place.channel, post.ts, body, repeat=recorded)
        except SLACK_ERRORS as error:
            follows = what_follows(error, Action.UPDATE)
            if follows is Next.GONE:
                return await self._gone(place, post, known)
            if recorded or follows is Next.GIVE_UP:
                self._failed(error, Action.UPDATE, place, post, known)
                return post
            # Such an update is soon out of date, so it is not retried; the next change is.
            log.debug("thread %s: could not update a %s (%s)", post.thread_id, post.kind, code_of(error))
            known.body = None
            self._rate.hold(post.thread_id, post.kind, max(self._rate.seconds, retry_after(error)))
            return post
        self._showing(post, body, known)
        return await self._shown(post)

    async def _gone(self, place: ThreadRef, post: Post, known: KnownPost) -> Post:
        """Somebody has deleted it. What waits for an answer is posted again, or closed."""
        if not await self._store.deleted(place.channel, post.ts, deletion_notice(place.channel, post.ts)):
            return await self._close(post, known)
        self._wake(post.thread_id)
        self._advance(post.thread_id)
        return replace(post, state=PostState.REMOVED)

    async def _shown(self, post: Post) -> Post:
        """Record that Slack shows the current revision, as far as it can. Messages that change without a revision are
        not recorded."""
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
        return await self._close(post, known)

    async def _close(self, post: Post, known: KnownPost) -> Post:
        """Record that the message is not in Slack and never will be."""
        await self._store.post_closed(post.id, PostState.REMOVED)
        known.body = None
        return replace(post, state=PostState.REMOVED)

    def _showing(self, post: Post, body: JsonObject, known: KnownPost) -> None:
        known.body, known.tries = None if post.final else body, 0
        if not post.final:
            self._rate.hold(post.thread_id, post.kind)

    def _failed(self, error: Exception, action: Action, place: ThreadRef, post: Post, known: KnownPost) -> None:
        """Raise the error if it is worth a retry; else mark the message as refused."""
        follows = what_follows(error, action)
        known.tries += follows is Next.SOME_TRIES
        young = time.time() - post.created_at < MAX_WAIT
        if follows in (Next.LATER, Next.UNKNOWN) or (follows is Next.WHEN_FIXED and young):
            raise error
        if follows is Next.SOME_TRIES and known.tries < MAX_TRIES:
            raise error
        log.error("Slack permanently refused to %s a %s in %s (%s)", action, post.kind, place.channel, code_of(error))
        known.refused = True

    async def _give_up(self, post: Post, body: JsonObject | None, known: KnownPost) -> Post:
        """Do what follows for its kind when Slack refuses to post it. What Slack does not change or remove stays as it
        is."""
        known.refused, known.tries = False, 0
        if post.state is PostState.POSTED:
            if body is None:
                return await self._close(post, known)
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
        await self._store.post_closed(post.id, PostState.REFUSED)
        return replace(post, state=PostState.REFUSED)

    async def _offer(self, thread_id: int, deliveries: Deliveries) -> bool:
        """Record the messages that a thread should have now and does not. Return whether there are any."""
        there = {post.kind for post in deliveries.posts}
        offers = {name: kind.offer for name, kind in self._kinds.items() if kind.offer is not None}
        free = {name: offer for name, offer in offers.items() if name not in there}
        drafts = [offer(thread_id) for name, offer in free.items() if not self._rate.held(thread_id, name)]
        found = [draft for draft in drafts if draft is not None]
        if found:
            await self._store.owe(thread_id, found)
        return bool(found)

    def _tidy(self, thread_id: int, thread: KnownThread) -> None:
        if thread.empty:
            self._known.pop(thread_id, None)

    def _later(self, thread_id: int, thread: KnownThread, error: Exception) -> None:
        """Retry after a pause that grows with each consecutive failure."""
        thread.failures += 1
        pause = min(MAX_PAUSE, 0.5 * 2.0 ** min(thread.failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        pause = max(pause, retry_after(error))
        # What an operator has to fix was reported by the client, once.
        level = logging.DEBUG if needs_operator(code_of(error)) else logging.WARNING
        log.log(level, "thread %s: Slack did not take it (%s); again in %.1f s", thread_id, code_of(error), pause)
        if thread.timer is not None:
            thread.timer.cancel()

        def again() -> None:
            thread.timer = None
            self._wake(thread_id)

        thread.timer = asyncio.get_running_loop().call_later(pause, again)


def _place(place: ThreadRef, post: Post) -> ThreadRef:
    """Return where a message is: in the thread, or in a direct message."""
    return replace(place, channel=post.channel or post.person, thread_ts="", kind="im") if post.person else place
