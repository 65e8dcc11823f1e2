"""Calls Slack for one message or file: posts it, changes it, removes it, finds one that may have arrived.

Every message carries its key in its metadata; a file carries it in its name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.json_text import JsonObject
from bot.core.posts import FILE, Action, Post
from bot.core.thread_ref import ThreadRef
from bot.slack.delivery.errors import SLACK_ERRORS, Next, code_of, what_follows
from bot.slack.text import escaped

log = logging.getLogger(__name__)

EVENT_TYPE = "bot_post"
SETTLE_SECONDS = 1.0
"""A request that broke off may still be on its way; only after this is the thread read for it."""
TIMEOUT_SETTLE_SECONDS = 20.0
"""The same for one that Slack did not answer in time: it may be slow, and do it yet."""
CLOCKS_APART_SECONDS = 3600.0
"""How far our clock and Slack's may be apart when a thread is read from the time of a post on."""
PAGE = 50
"""Messages of a thread that are read at a time. Each may have 50 blocks, and a page is parsed in one go."""
SHARE_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)


class Sender:
    """One for all threads."""

    def __init__(self, posting: AsyncWebClient, calling: AsyncWebClient, casual: AsyncWebClient) -> None:
        """`posting` never repeats a request whose outcome is unknown, `calling` may, `casual` repeats nothing: for what
        is soon out of date."""
        self._posting = posting
        self._calling = calling
        self._casual = casual
        self._begun = time.monotonic()
        self._settled_at: dict[int, float] = {}

    async def post(self, place: ThreadRef, post: Post, body: JsonObject, *, as_text: bool = True) -> str:
        """Send it; out: its timestamp, "" for a file whose message did not show up in time. `as_text`: when Slack does
        not take its blocks, its words will do. Raises SLACK_ERRORS."""
        try:
            return await (self._upload(place, body) if post.kind == FILE else self._send(place, post, body, as_text))
        except SLACK_ERRORS as error:
            settle = sum(SHARE_PAUSES) if post.kind == FILE else SETTLE_SECONDS
            if isinstance(error, TimeoutError):
                settle = TIMEOUT_SETTLE_SECONDS
            self._settled_at[post.id] = time.monotonic() + settle
            raise

    async def update(self, channel: str, ts: str, body: JsonObject, *, repeat: bool) -> None:
        """Have a message show this. `repeat` tries again what fails on the way. Raises SLACK_ERRORS."""
        client = self._calling if repeat else self._casual
        await client.chat_update(channel=channel, ts=ts, text=body["text"], blocks=body["blocks"])

    async def remove(self, channel: str, ts: str) -> None:
        """Delete a message. Raises SLACK_ERRORS."""
        await self._calling.chat_delete(channel=channel, ts=ts)

    async def _upload(self, place: ThreadRef, body: JsonObject) -> str:
        uploaded = await self._posting.files_upload_v2(
            channel=place.channel,
            thread_ts=place.thread_ts,
            filename=body["file"],
            title=body["file"],
            content=body["content"],
            initial_comment=escaped(body["text"]),
        )
        files: Any = uploaded.get("files")
        return await self._shared(str(files[0]["id"]), place.channel)

    async def _send(self, place: ThreadRef, post: Post, body: JsonObject, as_text: bool) -> str:
        message: JsonObject = {
            "channel": place.channel,
            "thread_ts": place.thread_ts,
            "text": body["text"],
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": post.key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            response = await self._posting.chat_postMessage(**message, blocks=body["blocks"])
        except SlackApiError as error:
            if not as_text or what_follows(error, Action.POST) is not Next.AS_TEXT:
                raise
            log.error("Slack refused the blocks of a %s; posted as text: %s", post.kind, error)
            message["text"] = _plain(body)
            response = await self._posting.chat_postMessage(**message)
        return str(response["ts"])

    async def _shared(self, file: str, channel: str) -> str:
        """Wait until an uploaded file is in the channel, so that what is posted next stands below it: Slack shares it
        some time after the upload was completed (slackapi/python-slack-sdk issue 1277). Out: its message's timestamp.
        """
        for pause in SHARE_PAUSES:
            try:
                info: Any = await self._calling.files_info(file=file)
            except SLACK_ERRORS as error:  # it is uploaded, whatever this says
                log.warning("files.info of %s: %s", file, code_of(error))
                info = {}
            shares: JsonObject = (info.get("file") or {}).get("shares") or {}
            for kind in ("public", "private"):
                for share in (shares.get(kind) or {}).get(channel) or []:
                    return str(share["ts"])
            await asyncio.sleep(pause)
        log.warning("the file %s is not in %s after %.0f s", file, channel, sum(SHARE_PAUSES))
        return ""

    async def find(self, place: ThreadRef, post: Post) -> str | None:
        """The timestamp of the message with this key, if it is in the thread. Raises SLACK_ERRORS."""
        slowest = sum(SHARE_PAUSES) if post.kind == FILE else SETTLE_SECONDS
        settled_at = self._settled_at.get(post.id, self._begun + slowest)
        await asyncio.sleep(max(0.0, settled_at - time.monotonic()))
        payload: JsonObject = json.loads(post.payload)
        cursor = ""
        while True:
            try:
                page = await self._calling.conversations_replies(
                    channel=place.channel,
                    ts=place.thread_ts,
                    include_all_metadata=True,
                    oldest=f"{post.created_at - CLOCKS_APART_SECONDS:.6f}",
                    limit=PAGE,
                    cursor=cursor or None,
                )
            except SlackApiError as error:
                if what_follows(error, Action.READ) is not Next.GIVE_UP:
                    raise
                # Without the right to read, a message twice is better than an answer never.
                log.error("cannot read the thread in %s to look for a post (%s)", place.channel, code_of(error))
                return None
            messages: list[JsonObject] = page.get("messages") or []
            for message in messages:
                metadata: JsonObject = message.get("metadata") or {}
                if (metadata.get("event_payload") or {}).get("key") == post.key:
                    return str(message["ts"])
                if any(file.get("name") == payload.get("file", 0) for file in message.get("files") or []):
                    return str(message["ts"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return None

    def forget(self, post: int) -> None:
        """It is posted, or never will be."""
        self._settled_at.pop(post, None)


def _plain(payload: JsonObject) -> str:
    """The words of a message whose blocks Slack does not take."""
    texts = [block["text"] for block in payload["blocks"] if block.get("type") == "markdown"]
    return escaped("\n".join(texts))[:39_000] or str(payload["text"])
