"""Calls Slack for one stream: starts it, appends to it, stops it. No call is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.json_text import JsonObject
from bot.core.thread_ref import ThreadRef
from bot.slack.blocks.elements import Block
from bot.slack.delivery.stream_body import StreamBody


@dataclass(frozen=True, slots=True)
class Closing:
    """With what a stream is stopped."""

    chunks: Sequence[JsonObject] = ()
    """Appended before the stream is stopped."""
    blocks: Sequence[Block] = ()
    """Put below the text, if the message is complete."""
    session: str = ""
    """The status of the session from then on; empty if the thread has none."""


async def start(client: AsyncWebClient, place: ThreadRef, body: StreamBody, chunks: Sequence[JsonObject]) -> str:
    """Start a stream in a thread, with its first chunks. Return its timestamp. Raises SLACK_ERRORS."""
    # "recipient_user_id: required when streaming to channels" (docs.slack.dev/reference/methods/chat.startStream)
    named: dict[str, Any] = {}
    if place.kind != "im":
        named = {"recipient_user_id": body.person, "recipient_team_id": body.team}
    with failpoints.around("start stream"):
        response = await client.chat_startStream(
            channel=place.channel,
            thread_ts=place.thread_ts,
            chunks=chunks,
            task_display_mode="timeline",
            **named,
        )
    return str(response["ts"])


async def append(client: AsyncWebClient, channel: str, ts: str, chunks: Sequence[JsonObject]) -> None:
    """Append chunks. Raises SLACK_ERRORS."""
    with failpoints.around("append stream"):
        await client.chat_appendStream(channel=channel, ts=ts, chunks=chunks)


async def stop(client: AsyncWebClient, channel: str, ts: str, metadata: JsonObject, last: Closing) -> None:
    """Stop a stream and mark its message. Raises SLACK_ERRORS."""
    with failpoints.around("stop stream"):
        await client.chat_stopStream(
            channel=channel,
            ts=ts,
            metadata=metadata,
            chunks=last.chunks or None,
            blocks=last.blocks or None,
            session_status=last.session or None,
        )
