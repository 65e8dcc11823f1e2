"""Brings Slack in step with the store: posts what is owed once and in order, redraws decided cards, shows progress.

A post is on the disk before it is sent, under a key that the message carries in its metadata. When nobody knows
whether it arrived (the process died, the connection broke, Slack answered 5xx), the thread is read first, and the
message is posted only if none with that key is there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.calls import JsonObject
from bot.core.ports import Deliveries, Owed, Store
from bot.core.thread import Place
from bot.slack.blocks import cards
from bot.slack.progress import Progress
from bot.slack.text import escaped

log = logging.getLogger(__name__)

EVENT_TYPE = "bot_post"
SETTLE_SECONDS = 1.0
"""A request that broke off may still be on its way; only after this is the thread read for it."""
CLOCKS_APART_SECONDS = 3600.0
"""How far our clock and Slack's may be apart when a thread is read from the time of a post on."""
SHARE_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
LONGEST_PAUSE = 60.0
BROKEN_OFF = (ClientError, TimeoutError, OSError)
PASSING = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"}
"""Slack's errors that say nothing about the message (https://docs.slack.dev/reference/methods/chat.postMessage)."""
LOCKED_OUT = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"}
MALFORMED = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}


class Replies:
    """Posts for all threads; `bring_in_step` runs one at a time per thread."""

    def __init__(
        self,
        store: Store,
        posting: AsyncWebClient,
        calling: AsyncWebClient,
        progress: Progress,
        wake: Callable[[int], None],
    ) -> None:
        """`posting` never repeats a request whose outcome is unknown; `calling` may, and is for what is harmless
        twice. `wake` asks for another `bring_in_step`."""
        self._store = store
        self._posting = posting
        self._calling = calling
        self._progress = progress
        self._wake = wake
        self._inherited = 0
        self._doubtful: set[int] = set()
        self._failures: dict[int, int] = {}

    def inherit(self, last_post: int) -> None:
        """Posts up to this number are from earlier processes: those still owed may have been sent."""
        self._inherited = last_post

    async def bring_in_step(self, thread_id: int) -> None:
        """Do for this thread what is owed to Slack now. What fails for a passing reason is tried again later."""
        deliveries = await self._store.deliveries(thread_id)
        try:
            for owed in deliveries.owed:
                await self._deliver(deliveries.place, owed)
            await self._redraw(deliveries)
            await self._show_progress(thread_id, deliveries)
        except (*BROKEN_OFF, SlackApiError) as error:
            self._later(thread_id, error)
        else:
            self._failures.pop(thread_id, None)

    async def _deliver(self, place: Place, owed: Owed) -> None:
        """Post one message, unless it is there already. Raises what is worth another try."""
        ts: str | None = None
        doubtful = owed.id in self._doubtful or owed.id <= self._inherited
        if doubtful:
            ts = await self._find(place, owed)
        if ts is None and owed.draft.kind == "progress" and doubtful:
            await self._store.post_closed(owed.id, "removed")
            return
        if ts is None:
            self._doubtful.add(owed.id)
            try:
                with failpoints.around(f"post {owed.draft.kind}"):
                    ts = await self._post(place, owed)
            except SlackApiError as error:
                code = _code(error)
                if error.response.status_code >= 500 or code in PASSING - {"ratelimited"}:
                    raise
                self._doubtful.discard(owed.id)
                if code == "ratelimited" or code in LOCKED_OUT:
                    raise
                log.error("Slack refused a %s (%s) in %s", owed.draft.kind, code, place.channel)
                await self._store.post_closed(owed.id, "refused")
                return
        self._doubtful.discard(owed.id)
        await self._store.posted(owed.id, ts)

    async def _post(self, place: Place, owed: Owed) -> str:
        payload: JsonObject = json.loads(owed.draft.payload)
        if "file" in payload:
            uploaded = await self._posting.files_upload_v2(
                channel=place.channel,
                thread_ts=place.thread_ts,
                filename=payload["file"],
                title=payload["file"],
                content=payload["content"],
                initial_comment=escaped(payload["text"]),
            )
            return await self._shared(str(uploaded["files"][0]["id"]), place.channel)
        message: JsonObject = {
            "channel": place.channel,
            "thread_ts": place.thread_ts,
            "text": payload["text"],
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": owed.draft.key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            response = await self._posting.chat_postMessage(**message, blocks=payload["blocks"])
        except SlackApiError as error:
            if _code(error) not in MALFORMED:
                raise
            log.error(
                "Slack refused the blocks of a %s (%s); posted as text",
                owed.draft.kind,
                error.response.get("response_metadata"),
            )
            message["text"] = _plain(payload)
            response = await self._posting.chat_postMessage(**message)
        return str(response["ts"])

    async def _shared(self, file: str, channel: str) -> str:
        """Wait until an uploaded file is in the channel, so that what is posted next stands below it: Slack shares it
        some time after the upload was completed (slackapi/python-slack-sdk issue 1277). Out: its message's timestamp.
        """
        for pause in SHARE_PAUSES:
            info = await self._calling.files_info(file=file)
            shares: JsonObject = (info.get("file") or {}).get("shares") or {}
            for kind in ("public", "private"):
                for share in (shares.get(kind) or {}).get(channel) or []:
                    return str(share["ts"])
            await asyncio.sleep(pause)
        log.warning("the file %s is not in %s after %.0f s", file, channel, sum(SHARE_PAUSES))
        return ""

    async def _find(self, place: Place, owed: Owed) -> str | None:
        """The timestamp of the message with this key, if it is in the thread ("" for a file)."""
        settle = SETTLE_SECONDS if owed.draft.kind != "file" else sum(SHARE_PAUSES)
        await asyncio.sleep(max(0.0, min(settle, owed.created_at + settle - time.time())))
        payload: JsonObject = json.loads(owed.draft.payload)
        cursor = ""
        while True:
            try:
                page = await self._calling.conversations_replies(
                    channel=place.channel,
                    ts=place.thread_ts,
                    include_all_metadata=True,
                    oldest=f"{owed.created_at - CLOCKS_APART_SECONDS:.6f}",
                    limit=200,
                    cursor=cursor or None,
                )
            except SlackApiError as error:
                if error.response.status_code >= 500 or _code(error) in PASSING | LOCKED_OUT:
                    raise
                # Without the right to read, a message twice is better than an answer never.
                log.error("cannot read the thread in %s to look for a post (%s)", place.channel, _code(error))
                return None
            messages: list[JsonObject] = page.get("messages") or []
            for message in messages:
                metadata: JsonObject = message.get("metadata") or {}
                if (metadata.get("event_payload") or {}).get("key") == owed.draft.key:
                    return str(message["ts"])
                if any(file.get("name") == payload.get("file", 0) for file in message.get("files") or []):
                    return ""
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None

    async def _redraw(self, deliveries: Deliveries) -> None:
        """Turn decided cards into records."""
        for approval, ts in deliveries.undrawn:
            with failpoints.around("redraw card"):
                await self._update(deliveries.place.channel, ts, cards.record(approval))
            await self._store.drawn(approval.id, approval.decision)

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
            await self._update(deliveries.place.channel, standing[0][1], json.loads(draft.payload))
        else:
            await self._store.owe(thread_id, [draft])
            self._wake(thread_id)

    async def _update(self, channel: str, ts: str, payload: JsonObject) -> None:
        try:
            await self._calling.chat_update(channel=channel, ts=ts, text=payload["text"], blocks=payload["blocks"])
        except SlackApiError as error:
            if error.response.status_code >= 500 or _code(error) in PASSING | LOCKED_OUT:
                raise
            log.error("Slack refused to change a message in %s (%s)", channel, _code(error))

    async def _remove(self, channel: str, ts: str) -> None:
        try:
            await self._calling.chat_delete(channel=channel, ts=ts)
        except SlackApiError as error:
            if error.response.status_code >= 500 or _code(error) in PASSING | LOCKED_OUT:
                raise
            log.warning("Slack refused to remove a message in %s (%s)", channel, _code(error))

    def _later(self, thread_id: int, error: Exception) -> None:
        """Try again after a pause that grows with each failure in a row."""
        failures = self._failures[thread_id] = self._failures.get(thread_id, 0) + 1
        pause = min(LONGEST_PAUSE, 0.5 * 2.0**failures) * random.uniform(0.5, 1.0)  # noqa: S311
        reason = _code(error) if isinstance(error, SlackApiError) else f"{type(error).__name__}: {error}"
        log.warning("thread %s: Slack did not take it (%s); again in %.1f s", thread_id, reason, pause)
        asyncio.get_running_loop().call_later(pause, self._wake, thread_id)


def _code(error: SlackApiError) -> str:
    """Slack's word for what went wrong."""
    response: Any = error.response
    if not isinstance(response.data, dict):
        return f"HTTP {response.status_code}"
    return str(response.get("error") or f"HTTP {response.status_code}")


def _plain(payload: JsonObject) -> str:
    """The words of a message whose blocks Slack does not take."""
    texts = [block["text"] for block in payload["blocks"] if block.get("type") == "markdown"]
    return escaped("\n".join(texts))[:39_000] or str(payload["text"])
