"""What a person said, from Slack's message objects: events and histories have the same form. Pure."""

from __future__ import annotations

from typing import Any

from bot.core.calls import JsonObject
from bot.core.thread import Incoming, Place
from bot.slack.text import mentioned, sendable

SPOKEN = {None, "file_share", "thread_broadcast"}
"""Subtypes that are a person saying something (https://docs.slack.dev/reference/events/message)."""
KINDS = {"C": "channel", "G": "group", "D": "im"}


def incoming(body: JsonObject, bot_user: str) -> Incoming | None:
    """A person's message from the body of an events_api envelope; None for everything that starts nothing: other
    bots, ourselves, edits, deletions, joins."""
    event: JsonObject = body.get("event") or {}
    user, channel, ts = event.get("user"), event.get("channel"), event.get("ts")
    if event.get("subtype") not in SPOKEN or event.get("bot_id") or event.get("edited") or event.get("hidden"):
        return None
    if not (isinstance(user, str) and isinstance(channel, str) and isinstance(ts, str)) or user == bot_user:
        return None
    kind = str(event.get("channel_type") or KINDS.get(channel[:1], "channel"))
    text = str(event.get("text") or "")
    text = sendable("\n".join([text, *_quoted(event)]).strip())
    files: list[Any] = event.get("files") or []
    return Incoming(
        place=Place(str(body.get("team_id") or ""), channel, str(event.get("thread_ts") or ts), kind),
        event_id=str(body.get("event_id") or f"{channel}-{ts}"),
        user=user,
        ts=ts,
        text=text,
        files=[sendable(str(file.get("name") or "file")) for file in files if isinstance(file, dict)],
        addressed=kind == "im" or event.get("type") == "app_mention" or bot_user in mentioned(text),
    )


def _quoted(event: JsonObject) -> list[str]:
    """What a person forwarded with a message: Slack puts it into attachments."""
    attachments: list[Any] = event.get("attachments") or []
    texts = [str(item.get("text") or item.get("fallback") or "") for item in attachments if isinstance(item, dict)]
    return [f"(forwarded) {text}" for text in texts if text]
