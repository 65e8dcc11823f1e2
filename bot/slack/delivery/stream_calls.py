"""Calls Slack for one stream: starts it, appends to it, stops it. No call is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.json_text import JsonObject
from bot.core.thread_ref import ThreadRef
from bot.slack.delivery.stream_body import StreamBody


@dataclass(frozen=True, slots=True)
class Closing:
    """With what a stream is stopped."""

    chunks: Sequence[JsonObject]
    body: StreamBody | None
    """The blocks below it, and the session's status; None if the message is not done."""


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
            task_display_mode=body.mode,
            **named,
        )
    return str(response["ts"])


async def append(client: AsyncWebClient, channel: str, ts: str, chunks: Sequence[JsonObject]) -> None:
    """Append chunks. Raises SLACK_ERRORS."""
    with failpoints.around("append stream"):
        await client.chat_appendStream(channel=channel, ts=ts, chunks=chunks)


async def stop(
    client: AsyncWebClient, channel: str, ts: str, metadata: JsonObject, last: Closing | None = None
) -> None:
    """Stop a stream and mark its message; with `last`, append the last chunks before. Raises SLACK_ERRORS."""
    body = last.body if last else None
    with failpoints.around("stop stream"):
        await client.chat_stopStream(
            channel=channel,
            ts=ts,
            metadata=metadata,
            chunks=(last.chunks or None) if last else None,
            blocks=(body.blocks or None) if body else None,
            session_status=(body.session or None) if body else None,
        )
