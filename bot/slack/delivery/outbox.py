"""Brings Slack in step with the store: posts what is owed once and in order, redraws cards, shows progress.

A post is on the disk before it is sent. When nobody knows whether it arrived (the process died, the connection broke,
Slack answered 5xx), the thread is read first, and it is posted only if it is not there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.deliveries import Deliveries, Owed
from bot.core.json_text import JsonObject
from bot.core.ports.store import Store
from bot.core.thread_ref import ThreadRef
from bot.errors import StoreError
from bot.pace import beside
from bot.slack.blocks import messages, question_blocks
from bot.slack.delivery.errors import MALFORMED, PERMANENT, RETRYABLE, SLACK_ERRORS, code_of, refused
from bot.slack.delivery.progress import Progress
from bot.slack.delivery.sender import Sender

log = logging.getLogger(__name__)

UNHURRIED = ("answer", "summary", "notice")
"""Kinds of which nobody needs the timestamp."""
LONGEST_PAUSE = 60.0
MOST_TRIES = 30
"""Of a message that Slack refuses with an error we do not know: about half an hour."""


@dataclass(slots=True)
class _Known:
    """What is known of one thread's posts besides what the store says; forgotten when the thread is in step."""

    doubtful: set[int] = field(default_factory=set[int])
    """Posts that may have arrived."""
    sent: set[int] = field(default_factory=set[int])
    """Posts that have arrived, while that is not recorded."""
    unrecorded: set[int] = field(default_factory=set[int])
    """Posts that have arrived, and of which the store would not have that."""
    recorded: set[int] = field(default_factory=set[int])
    """Those of them that have been recorded while the thread was being brought in step: what was read from the store
    before would have them posted again."""
    tries: dict[int, int] = field(default_factory=dict[int, int])
    failures: int = 0
    timer: asyncio.TimerHandle | None = None
    busy: bool = False


class Outbox:
    """Posts for all threads; `reconcile` runs one at a time per thread."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        calling: AsyncWebClient,
        casual: AsyncWebClient,
        progress: Progress,
        wake: Callable[[int], None],
        advance: Callable[[int], None],
        background: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:
        """`calling` repeats what failed; `casual` does not, for what is soon out of date. `wake` asks for another
        `reconcile`, `advance` for the turn to go on; `background` runs what need not be waited for."""
        self._store = store
        self._sender = sender
        self._calling = calling
        self._casual = casual
        self._progress = progress
        self._wake = wake
        self._advance = advance
        self._background = background
        self._inherited = 0
        self._known: dict[int, _Known] = {}

    def inherit(self, last_post: int) -> None:
        """Posts up to this number are from earlier processes: those still owed may have been sent."""
        self._inherited = last_post

    async def reconcile(self, thread_id: int) -> None:
        """Do for this thread what is owed to Slack now. What fails for a passing reason is tried again later."""
        known = self._known.setdefault(thread_id, _Known())
        known.busy, in_step = True, False
        try:
            deliveries = await self._store.deliveries(thread_id)
            known.unrecorded &= {owed.id for owed in deliveries.owed}
            while owing := [owed for owed in deliveries.owed if owed.id not in known.sent]:
                for owed in owing:
                    if not await self._deliver(thread_id, deliveries.place, owed, known):
                        break
                else:
                    # A card may have been decided, a turn may have come to rest, while its message was on its way.
                    if not any(owed.draft.kind in ("card", "progress") for owed in owing):
                        break
                deliveries = await self._store.deliveries(thread_id)
            await self._redraw(deliveries)
            await self._show_progress(thread_id, deliveries)
            in_step = True
        except SLACK_ERRORS as error:
            self._later(thread_id, known, error)
        finally:
            known.busy = False
            known.sent -= known.recorded
            known.recorded.clear()
            if in_step:
                known.failures = 0
                for post in {*known.doubtful, *known.tries}:
                    self._sender.forget(post)  # it is no longer owed: closed, or withdrawn meanwhile
                known.doubtful.clear()
                known.tries.clear()
            self._tidy(thread_id, known)

    def _tidy(self, thread_id: int, known: _Known) -> None:
        unsettled = known.sent or known.unrecorded or known.doubtful or known.tries
        if not (known.busy or unsettled or known.timer or known.failures):
            self._known.pop(thread_id, None)

    async def _deliver(self, thread_id: int, place: ThreadRef, owed: Owed, known: _Known) -> bool:
        """Post one message, unless it is there already. Raises what is worth another try; false when Slack refuses it
        for good, which may change what else is owed."""
        ts: str | None = None
        doubtful = owed.id <= self._inherited or owed.id in known.doubtful or owed.id in known.unrecorded
        if doubtful:
            ts = await self._sender.find(place, owed)
        if ts is None and owed.draft.kind == "progress" and doubtful:
            await self._store.post_closed(owed.id, "removed")
            return True
        if ts is None:
            known.doubtful.add(owed.id)
            try:
                with failpoints.around(f"post {owed.draft.kind}"):
                    ts = await self._sender.post(place, owed)
            except SlackApiError as error:
                if refused(error):
                    known.doubtful.discard(owed.id)
                if not refused(error) or code_of(error) in RETRYABLE:
                    raise
                tries = known.tries[owed.id] = known.tries.get(owed.id, 0) + 1
                if code_of(error) not in PERMANENT | MALFORMED and tries < MOST_TRIES:
                    raise
                log.error("Slack refused a %s in %s for good (%s)", owed.draft.kind, place.channel, code_of(error))
                await self._give_up(thread_id, owed)
                return False
        if owed.draft.kind in UNHURRIED:
            known.sent.add(owed.id)
            self._background(self._record(thread_id, owed, ts, known))
        else:
            await self._store.posted(owed.id, ts)
        known.doubtful.discard(owed.id)
        known.unrecorded.discard(owed.id)
        known.tries.pop(owed.id, None)
        self._sender.forget(owed.id)
        return True

    async def _record(self, thread_id: int, owed: Owed, ts: str, known: _Known) -> None:
        """Write down that a message is there. Until that is done it is known here; if it is never done, the thread is
        read for it."""
        try:
            await self._store.posted(owed.id, ts, soon=True)
        except StoreError as error:
            log.warning("a post could not be recorded: %s", error.detail)
            known.sent.discard(owed.id)
            known.unrecorded.add(owed.id)
            self._known.setdefault(thread_id, known)
            return
        if known.busy:
            known.recorded.add(owed.id)
            return
        known.sent.discard(owed.id)
        self._tidy(thread_id, known)

    async def _give_up(self, thread_id: int, owed: Owed) -> None:
        """Slack will not have it. An answer's file is posted as messages; what cannot be shown cannot be approved."""
        payload: JsonObject = json.loads(owed.draft.payload)
        approval = owed.draft.key if owed.draft.kind == "card" else str(payload.get("approval") or "")
        # In this order, and with keys that follow from the post's: cut off in between, it is done once more.
        if owed.draft.kind == "file" and not approval:
            content = str(payload["content"])
            await self._store.owe(thread_id, await beside(len(content), messages.parts, content, owed.draft.key))
        if approval:
            await self._store.withdraw(approval)
            self._advance(thread_id)
        await self._store.post_closed(owed.id, "refused")

    async def _redraw(self, deliveries: Deliveries) -> None:
        """Have cards show how things stand now."""
        for card in deliveries.stale:
            size = sum(question.size for question in card.questions)
            payload = await beside(size, question_blocks.redrawn, card.questions, card.payload)
            with failpoints.around("redraw card"):
                await self._update(self._calling, deliveries.place.channel, card.ts, payload)
            await self._store.drawn(card.post, card.revision)

    async def _show_progress(self, thread_id: int, deliveries: Deliveries) -> None:
        """Show what the turn is doing in one message, or take it away when the turn rests."""
        standing = deliveries.progress
        keep = 0 if self._progress.resting(thread_id) else 1
        for number, ts in standing[keep:]:
            with failpoints.around("remove progress"):
                await self._remove(deliveries.place.channel, ts)
            await self._store.post_closed(number, "removed")
        if not keep:
            return
        draft = self._progress.due(thread_id)
        if draft is None:
            return
        if standing:
            try:
                await self._update(self._casual, deliveries.place.channel, standing[0][1], json.loads(draft.payload))
            except SLACK_ERRORS as error:
                log.debug("thread %s: progress is not shown (%s)", thread_id, code_of(error))
        else:
            await self._store.owe(thread_id, [draft])
            self._wake(thread_id)

    async def _update(self, client: AsyncWebClient, channel: str, ts: str, payload: JsonObject) -> None:
        try:
            await client.chat_update(channel=channel, ts=ts, text=payload["text"], blocks=payload["blocks"])
        except SlackApiError as error:
            if code_of(error) not in PERMANENT | MALFORMED | {"cant_update_message", "edit_window_closed"}:
                raise
            log.error("Slack refused to change a message in %s (%s)", channel, code_of(error))

    async def _remove(self, channel: str, ts: str) -> None:
        try:
            await self._calling.chat_delete(channel=channel, ts=ts)
        except SlackApiError as error:
            if code_of(error) not in PERMANENT | {"cant_delete_message"}:
                raise
            log.warning("Slack refused to remove a message in %s (%s)", channel, code_of(error))

    def _later(self, thread_id: int, known: _Known, error: Exception) -> None:
        """Try again after a pause that grows with each failure in a row."""
        known.failures += 1
        pause = min(LONGEST_PAUSE, 0.5 * 2.0 ** min(known.failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        log.warning("thread %s: Slack did not take it (%s); again in %.1f s", thread_id, code_of(error), pause)
        if known.timer is not None:
            known.timer.cancel()

        def again() -> None:
            known.timer = None
            self._wake(thread_id)

        known.timer = asyncio.get_running_loop().call_later(pause, again)
