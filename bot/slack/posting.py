"""Sends one message or file to Slack, finds one that may have arrived, and tells passing refusals from final ones.

Every message carries its key in its metadata; a file carries it in its name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.calls import JsonObject
from bot.core.changes import Owed
from bot.core.thread import Place
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

TROUBLES = (SlackClientError, ClientError, TimeoutError, OSError)
"""What a call of Slack may raise: its own refusals, and what happens on the way."""
FINAL = {
    "access_denied",
    "cannot_reply_to_message",
    "channel_not_found",
    "ekm_access_denied",
    "file_uploads_disabled",
    "file_uploads_except_images_disabled",
    "invalid_arguments",
    "is_archived",
    "message_not_found",
    "metadata_too_large",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_in_channel",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "storage_limit_reached",
    "thread_not_found",
}
"""Slack's errors that another try would get again (docs.slack.dev/reference/methods/chat.postMessage). All others may
pass: a message too many tries is better than an answer lost."""
PARTIAL = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
"""Slack may have done it all the same."""
PATIENT = PARTIAL | {
    "ratelimited",
    "rate_limited",
    "invalid_auth",
    "not_authed",
    "token_revoked",
    "token_expired",
    "account_inactive",
}
"""What passes, or what an operator will mend: never a reason to give a message up."""
MALFORMED = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}


def code_of(error: BaseException) -> str:
    """Slack's word for what went wrong; else the HTTP status, or the kind of error."""
    response: Any = getattr(error, "response", None)
    data: Any = getattr(response, "data", None)
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"])
    status: Any = getattr(response, "status_code", getattr(response, "status", None))
    return f"HTTP {status}" if status else type(error).__name__


def refused(error: BaseException) -> bool:
    """Slack has answered that it did not do it, in its own words."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    said = isinstance(error, SlackApiError) and isinstance(response.data, dict) and 200 <= status < 500
    return said and code_of(error) not in PARTIAL


class Poster:
    """Posts and finds. `posting` never repeats a request whose outcome is unknown; `calling` may."""

    def __init__(self, posting: AsyncWebClient, calling: AsyncWebClient) -> None:
        self._posting = posting
        self._calling = calling
        self._begun = time.monotonic()
        self._settled_at: dict[int, float] = {}

    async def post(self, place: Place, owed: Owed) -> str:
        """Send it; out: its timestamp, "" for a file whose message did not show up in time. Raises TROUBLES."""
        try:
            return await self._send(place, owed)
        except TROUBLES as error:
            settle = sum(SHARE_PAUSES) if owed.draft.kind == "file" else SETTLE_SECONDS
            if isinstance(error, TimeoutError):
                settle = TIMEOUT_SETTLE_SECONDS
            self._settled_at[owed.id] = time.monotonic() + settle
            raise

    async def _send(self, place: Place, owed: Owed) -> str:
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
            files: Any = uploaded.get("files")
            return await self._shared(str(files[0]["id"]), place.channel)
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
            # A card without its buttons would be a question that nobody can answer.
            if code_of(error) not in MALFORMED or owed.draft.kind == "card":
                raise
            log.error("Slack refused the blocks of a %s; posted as text: %s", owed.draft.kind, error)
            message["text"] = _plain(payload)
            response = await self._posting.chat_postMessage(**message)
        return str(response["ts"])

    async def _shared(self, file: str, channel: str) -> str:
        """Wait until an uploaded file is in the channel, so that what is posted next stands below it: Slack shares it
        some time after the upload was completed (slackapi/python-slack-sdk issue 1277). Out: its message's timestamp.
        """
        for pause in SHARE_PAUSES:
            try:
                info: Any = await self._calling.files_info(file=file)
            except TROUBLES as error:  # it is uploaded, whatever this says
                log.warning("files.info of %s: %s", file, code_of(error))
                info = {}
            shares: JsonObject = (info.get("file") or {}).get("shares") or {}
            for kind in ("public", "private"):
                for share in (shares.get(kind) or {}).get(channel) or []:
                    return str(share["ts"])
            await asyncio.sleep(pause)
        log.warning("the file %s is not in %s after %.0f s", file, channel, sum(SHARE_PAUSES))
        return ""

    async def find(self, place: Place, owed: Owed) -> str | None:
        """The timestamp of the message with this key, if it is in the thread ("" for a file). Raises TROUBLES."""
        slowest = sum(SHARE_PAUSES) if owed.draft.kind == "file" else SETTLE_SECONDS
        settled_at = self._settled_at.get(owed.id, self._begun + slowest)
        await asyncio.sleep(max(0.0, settled_at - time.monotonic()))
        payload: JsonObject = json.loads(owed.draft.payload)
        cursor = ""
        while True:
            try:
                page = await self._calling.conversations_replies(
                    channel=place.channel,
                    ts=place.thread_ts,
                    include_all_metadata=True,
                    oldest=f"{owed.created_at - CLOCKS_APART_SECONDS:.6f}",
                    limit=PAGE,
                    cursor=cursor or None,
                )
            except SlackApiError as error:
                if code_of(error) not in FINAL:
                    raise
                # Without the right to read, a message twice is better than an answer never.
                log.error("cannot read the thread in %s to look for a post (%s)", place.channel, code_of(error))
                return None
            messages: list[JsonObject] = page.get("messages") or []
            for message in messages:
                metadata: JsonObject = message.get("metadata") or {}
                if (metadata.get("event_payload") or {}).get("key") == owed.draft.key:
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
