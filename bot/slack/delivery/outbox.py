"""Delivers messages to Slack: posts each once and in order, updates it, removes it, until Slack shows what the store
says.

A post is on the disk before it is sent. When nobody knows whether it arrived (the process died, the connection broke,
Slack answered 5xx), its thread or direct message is read first, and it is posted only if it is not there. What is done
about one message is in `bot.slack.delivery.settling`; here is in which order a thread's messages come, and when they
are tried again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from bot.core.posts import Deliveries, Post, PostState, in_order
from bot.core.thread_ref import ThreadRef
from bot.slack.delivery.errors import SLACK_ERRORS, code_of, retry_after
from bot.slack.delivery.kinds import PLAIN, Kind
from bot.slack.delivery.known import DeliveryStore, KnownPost, KnownThread, KnownThreads
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender
from bot.slack.delivery.settling import Settler
from bot.slack.delivery.stream_budget import StreamBudget
from bot.slack.delivery.streams import Streams
from bot.slack.error_kinds import needs_operator

log = logging.getLogger(__name__)

MAX_PAUSE = 60.0


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
        budget: StreamBudget | None = None,
        session: Callable[[int], str] = lambda thread_id: "",
        session_given: Callable[[int, str], None] = lambda thread_id, status: None,
        session_settles: Callable[[int], None] = lambda thread_id: None,
    ) -> None:
        """`kinds` are those that differ from `PLAIN`, which is posted as it was recorded. `wake` asks for another
        `reconcile`, `advance` for the turn to go on; `background` runs what need not be waited for. `budget` is what
        Slack allows the workspace; None: what it publishes. The last three: see `Streams`."""
        self._store = store
        self._sender = sender
        self._kinds = kinds
        self._rate = rate
        self._wake = wake
        self._streams = Streams(
            sender,
            budget or StreamBudget(),
            rate,
            session=session,
            session_given=session_given,
            session_settles=session_settles,
        )
        self._known = KnownThreads()
        self._settler = Settler(
            store,
            sender,
            self._streams,
            kinds,
            rate,
            known=self._known,
            wake=wake,
            advance=advance,
            background=background,
        )
        self._inherited = 0

    def inherit(self, last_post: int) -> None:
        """Treat posts up to this number as those of an earlier process: the unposted ones among them may have been
        sent."""
        self._inherited = last_post

    async def reconcile(self, thread_id: int) -> None:
        """Deliver to Slack what this thread still owes. What fails temporarily is retried later."""
        thread = self._known.setdefault(thread_id, KnownThread(self._forget))
        thread.busy, in_step = True, False
        try:
            while await self._bring_in_step(thread_id, thread):
                pass
            in_step = True
        except SLACK_ERRORS as error:
            self._later(thread_id, thread, error)
        finally:
            thread.end(in_step=in_step)
            self._known.tidy(thread_id)

    async def _bring_in_step(self, thread_id: int, thread: KnownThread) -> bool:
        """Make one pass over the posts of a thread. Return whether the store may have changed meanwhile."""
        deliveries = await self._store.deliveries(thread_id)
        again = False
        for post in in_order(deliveries.posts):
            was_owed = post.state is PostState.OWED
            known = thread.posts.get(post.id)
            if known is None:
                known = thread.posts[post.id] = KnownPost(doubtful=was_owed and post.id <= self._inherited)
            fresh = was_owed and not known.sent
            # A direct message is there also when the thread is gone, and then shows how the request has ended.
            gone = deliveries.gone and not (post.person and post.state is PostState.POSTED)
            left = await self._settler.settle(_place(deliveries.place, post), post, known, gone=gone)
            if left.state is PostState.REFUSED:
                return True  # this may change what else is owed
            # A card may have been decided, a turn may have come to rest, while its message was on its way.
            changes = self._kinds.get(post.kind, PLAIN).changes and not known.sent
            again |= fresh and left.state is PostState.POSTED and changes
        return again or await self._offer(thread_id, deliveries)

    def _forget(self, post: int) -> None:
        self._sender.forget(post)
        self._streams.forget(post)

    async def _offer(self, thread_id: int, deliveries: Deliveries) -> bool:
        """Record the messages that a thread should have now and does not. Return whether there are any."""
        offers = {name: kind.offer for name, kind in self._kinds.items() if kind.offer is not None}
        drafts = [offer(thread_id) for name, offer in offers.items() if not self._rate.held(thread_id, name)]
        found = [draft for draft in drafts if draft is not None]
        if found:
            await self._store.owe(thread_id, found)
        return bool(found)

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
