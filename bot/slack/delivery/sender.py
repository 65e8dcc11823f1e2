"""Calls Slack for one message or file: posts, updates, removes it, or finds one that may have been posted.

Each message has its key in its metadata, and a file in its name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.json_text import JsonObject
from bot.core.ports.attachments import KeptContents
from bot.core.posts import FILE, Action, Post
from bot.core.thread_ref import ThreadRef
from bot.slack.delivery import stream_calls
from bot.slack.delivery.direct_messages import DirectMessages, Workspaces, one_workspace
from bot.slack.delivery.errors import SLACK_ERRORS, Next, code_of, what_follows
from bot.slack.delivery.stream_body import StreamBody
from bot.slack.delivery.stream_calls import Closing
from bot.slack.own_posts import OwnPosts
from bot.slack.text import escaped, linked

log = logging.getLogger(__name__)

EVENT_TYPE = "bot_post"
SETTLE_SECONDS = 1.0
"""Seconds before a thread is searched for a post whose request broke off: it may still be in progress."""
TIMEOUT_SETTLE_SECONDS = 20.0
"""The same for a request that timed out: Slack may be slow and still carry it out."""
CLOCKS_APART_SECONDS = 3600.0
"""Tolerance for clock differences when a thread is searched from the time of a post on."""
PAGE = 50
"""Messages read at a time. Each may have 50 blocks, and a page is parsed at once."""
MAX_PAGES = 20
"""Pages of a channel that are searched for a message whose thread is gone, or that is in no thread."""
NO_THREAD = "thread_not_found"
SHARE_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)


NO_LONGER_THERE = "This file is no longer kept, so it could not be shown."


class Unthreaded(Exception):
    """The first message of the thread is gone, so Slack has posted the message outside of it, without an error."""

    def __init__(self, ts: str) -> None:
        self.ts = ts
        """The timestamp of the message that was posted."""
        super().__init__(f"{ts} is outside of its thread")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a message is that may have been posted."""

    ts: str
    channel: str = ""
    """The direct message that it is in; empty for a message of the thread."""


class Sender:
    """Calls Slack for the messages of all threads."""

    def __init__(
        self,
        once: AsyncWebClient,
        repeatable: AsyncWebClient,
        best_effort: AsyncWebClient,
        bot_user: str = "",
        own: OwnPosts | None = None,
        *,
        contents: KeptContents | None = None,
        workspaces: Workspaces = one_workspace,
    ) -> None:
        """`once` never repeats a request whose outcome is unknown, `repeatable` may, and `best_effort` repeats
        nothing. `bot_user` is the id of our bot user, by which a stream of unknown outcome is found. `own` takes note
        of what is posted. `contents` has the bytes of files that are posted by reference. `workspaces` are those whose
        direct messages are listed to find one that may have been posted there."""
        self._direct = DirectMessages(repeatable, workspaces)
        self._contents = contents
        self._bot_user = bot_user
        self._own = own or OwnPosts()
        self._once = once
        self._repeatable = repeatable
        self._best_effort = best_effort
        self._begun = time.monotonic()
        self._settled_at: dict[int, float] = {}

    async def post(self, place: ThreadRef, post: Post, body: JsonObject, *, as_text: bool = True) -> str:
        """Send a post. Out: its timestamp, or "" for a file whose message did not appear in time. With `as_text`, the
        text is posted alone if Slack rejects the blocks. Raises SLACK_ERRORS and Unthreaded."""
        try:
            with self._own.sending(place.channel):
                sending = self._upload(place, body) if post.kind == FILE else self._send(place, post, body, as_text)
                ts = await sending
                self._own.add(place.channel, ts)
            return ts
        except SLACK_ERRORS as error:
            self._unsettled(post, error)
            raise

    async def start_stream(self, place: ThreadRef, post: Post, body: StreamBody, chunks: Sequence[JsonObject]) -> str:
        """Start a stream as a post. Out: its timestamp. Raises SLACK_ERRORS."""
        try:
            with self._own.sending(place.channel):
                ts = await stream_calls.start(self._best_effort, place, body, chunks)
                self._own.add(place.channel, ts)
            return ts
        except SLACK_ERRORS as error:
            self._unsettled(post, error)
            raise

    async def append_stream(self, channel: str, ts: str, chunks: Sequence[JsonObject]) -> None:
        """Append chunks to a stream. Raises SLACK_ERRORS."""
        await stream_calls.append(self._best_effort, channel, ts, chunks)

    async def stop_stream(self, channel: str, post: Post, last: Closing) -> None:
        """Stop a stream. Raises SLACK_ERRORS."""
        await stream_calls.stop(self._best_effort, channel, post.ts, metadata(post.key), last)

    def _unsettled(self, post: Post, error: BaseException) -> None:
        """Note from when on the thread may be searched for it."""
        settle = sum(SHARE_PAUSES) if post.kind == FILE else SETTLE_SECONDS
        if isinstance(error, TimeoutError):
            settle = TIMEOUT_SETTLE_SECONDS
        self._settled_at[post.id] = time.monotonic() + settle

    async def post_to(self, post: Post, body: JsonObject) -> tuple[str, str]:
        """Send a copy to its person. Out: the direct message that it is in, and its timestamp. Raises SLACK_ERRORS."""
        # "To send a direct message, pass the user's id" (docs.slack.dev/reference/methods/chat.postMessage, channels).
        try:
            response = await self._once.chat_postMessage(
                channel=post.channel or post.person,
                text=body["text"],
                blocks=body["blocks"],
                metadata=metadata(post.key),
                unfurl_links=False,
                unfurl_media=False,
            )
        except SLACK_ERRORS as error:
            self._unsettled(post, error)
            raise
        channel = str(response["channel"])
        self._direct.learn(post.person, channel)
        return channel, str(response["ts"])

    async def update(self, channel: str, ts: str, body: JsonObject, *, repeat: bool, key: str = "") -> None:
        """Replace the content of a message. `repeat`: retry after network errors and 5xx. With a key it is marked as
        the message of this post, which a stream is only when it is stopped. Raises SLACK_ERRORS."""
        self._own.add(channel, ts)
        client = self._repeatable if repeat else self._best_effort
        marked = metadata(key) if key else None
        await client.chat_update(channel=channel, ts=ts, text=body["text"], blocks=body["blocks"], metadata=marked)

    async def remove(self, channel: str, ts: str) -> None:
        """Delete a message. Raises SLACK_ERRORS."""
        await self._repeatable.chat_delete(channel=channel, ts=ts)

    async def _upload(self, place: ThreadRef, body: JsonObject) -> str:
        uploaded = await self._once.files_upload_v2(
            channel=place.channel,
            thread_ts=place.thread_ts,
            filename=body["file"],
            title=body["file"],
            **await self._content(body),
            initial_comment=escaped(body["text"]),
        )
        files: Any = uploaded.get("files")
        return await self._shared(str(files[0]["id"]), place)

    async def _content(self, body: JsonObject) -> dict[str, Any]:
        """Return the content of a file to be uploaded, as the SDK takes it."""
        if not (kept := body.get("kept")):
            return {"content": body["content"]}
        found = await self._contents.find(str(kept)) if self._contents is not None else None
        return {"content": NO_LONGER_THERE} if found is None else {"file": found}

    async def _send(self, place: ThreadRef, post: Post, body: JsonObject, as_text: bool) -> str:
        message: JsonObject = {
            "channel": place.channel,
            "thread_ts": place.thread_ts,
            "text": body["text"],
            "metadata": metadata(post.key),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            response = await self._once.chat_postMessage(**message, blocks=body["blocks"])
        except SlackApiError as error:
            if not as_text or what_follows(error, Action.POST) is not Next.AS_TEXT:
                raise
            log.error("Slack refused the blocks of a %s; posted as text: %s", post.kind, " ".join(str(error).split()))
            message["text"] = _plain(body)
            response = await self._once.chat_postMessage(**message)
        ts = str(response["ts"])
        posted: Any = response.get("message")
        if isinstance(posted, dict) and posted.get("thread_ts") != place.thread_ts:
            raise Unthreaded(ts)
        return ts

    async def _shared(self, file: str, place: ThreadRef) -> str:
        """Wait until an uploaded file is shared in the channel, so that the next post appears below it: Slack shares it
        some time after the upload has completed (slackapi/python-slack-sdk issue 1277). Out: the timestamp of its
        message."""
        for pause in SHARE_PAUSES:
            try:
                info: Any = await self._repeatable.files_info(file=file)
            except SLACK_ERRORS as error:  # the file is uploaded in any case
                log.warning("files.info of %s: %s", file, code_of(error))
                info = {}
            shares: JsonObject = (info.get("file") or {}).get("shares") or {}
            for kind in ("public", "private"):
                for share in (shares.get(kind) or {}).get(place.channel) or []:
                    if share.get("thread_ts") != place.thread_ts:
                        raise Unthreaded(str(share["ts"]))
                    return str(share["ts"])
            await asyncio.sleep(pause)
        log.warning("file %s did not appear in %s within %.0f s", file, place.channel, sum(SHARE_PAUSES))
        return ""

    async def find(self, place: ThreadRef, post: Post, unmarked: list[str] | None = None) -> Found | None:
        """Return where the message with this post's key is; None if it is not in the thread, or in the direct message
        with its person. Our messages that have no key, as streams do not before they are stopped, are added to
        `unmarked`. Raises SLACK_ERRORS, and Unthreaded if the thread is gone and the message is outside of it."""
        slowest = sum(SHARE_PAUSES) if post.kind == FILE else SETTLE_SECONDS
        settled_at = self._settled_at.get(post.id, self._begun + slowest)
        await asyncio.sleep(max(0.0, settled_at - time.monotonic()))
        if post.person:
            return await self._find_direct(post, settled_at)
        cursor = ""
        while True:
            try:
                page = await self._repeatable.conversations_replies(
                    channel=place.channel,
                    ts=place.thread_ts,
                    include_all_metadata=True,
                    oldest=f"{post.created_at - CLOCKS_APART_SECONDS:.6f}",
                    limit=PAGE,
                    cursor=cursor or None,
                )
            except SlackApiError as error:
                if code_of(error) == NO_THREAD:
                    if outside := await self._search(place.channel, post):
                        raise Unthreaded(outside) from error
                    return None
                if what_follows(error, Action.READ) is not Next.GIVE_UP:
                    raise
                # Without permission to read, a duplicate message is better than a lost answer.
                log.error("cannot search the thread in %s for a post (%s)", place.channel, code_of(error))
                return None
            if unmarked is not None:
                unmarked += self._unmarked(page, post)
            ts, cursor = _found(page, post)
            if ts or not cursor:
                return Found(ts) if ts else None

    async def _find_direct(self, post: Post, settled_at: float) -> Found | None:
        """Return where the message is in the direct message with its person; None if it is not there."""
        channel = post.channel or await self._direct.find(post.person, settled_at)
        ts = await self._search(channel, post) if channel else ""
        return Found(ts, channel) if ts else None

    def _unmarked(self, page: Any, post: Post) -> list[str]:
        """Return the timestamps of our own messages on a page of the thread that no key says the post of."""
        messages: list[JsonObject] = page.get("messages") or []
        return [
            str(message["ts"])
            for message in messages
            if self._bot_user
            and message.get("user") == self._bot_user
            and float(message["ts"]) >= post.created_at - CLOCKS_APART_SECONDS
            if not (message.get("metadata") or message.get("files") or message.get("subtype"))
        ]

    async def _search(self, channel: str, post: Post) -> str:
        """Return the timestamp of the message with this post's key outside of threads; empty if it is not there. Raises
        SLACK_ERRORS."""
        cursor = ""
        for _ in range(MAX_PAGES):
            try:
                page = await self._repeatable.conversations_history(
                    channel=channel,
                    include_all_metadata=True,
                    oldest=f"{post.created_at - CLOCKS_APART_SECONDS:.6f}",
                    limit=PAGE,
                    cursor=cursor or None,
                )
            except SlackApiError as error:
                if what_follows(error, Action.READ) is not Next.GIVE_UP:
                    raise
                log.error("cannot search %s for a post (%s)", channel, code_of(error))
                return ""
            ts, cursor = _found(page, post)
            if ts or not cursor:
                return ts
        return ""

    def forget(self, post: int) -> None:
        """Forget a post that has been posted or given up."""
        self._settled_at.pop(post, None)


def metadata(key: str) -> JsonObject:
    """Return what marks a message as that of a post."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def _found(page: Any, post: Post) -> tuple[str, str]:
    """Return the timestamp of this post's message on a page of a history, and the cursor of the next page; empty if
    there is none."""
    file = json.loads(post.payload).get("file", 0)
    messages: list[JsonObject] = page.get("messages") or []
    for message in messages:
        metadata: JsonObject = message.get("metadata") or {}
        named = any(each.get("name") == file for each in message.get("files") or [])
        if named or (metadata.get("event_payload") or {}).get("key") == post.key:
            return str(message["ts"]), ""
    return "", str((page.get("response_metadata") or {}).get("next_cursor") or "")


def _plain(payload: JsonObject) -> str:
    """Return the text of a message whose blocks Slack rejects."""
    texts = [block["text"] for block in payload["blocks"] if block.get("type") == "markdown"]
    return linked(escaped("\n".join(texts))[:39_000]) or str(payload["text"])
