"""What a person said, from Slack's message objects: events and histories have the same form. Pure.

What Slack would never send is read as nothing, or left out: no odd payload may stop a thread, or the ack of others.
"""

from __future__ import annotations

import re

from bot.core.inbox import Incoming
from bot.core.json_text import JsonObject
from bot.core.thread_ref import ThreadRef
from bot.core.untrusted import items, mapping, text
from bot.slack.text import mentioned

SPOKEN = {None, "file_share", "thread_broadcast"}
"""Subtypes that are a person saying something (https://docs.slack.dev/reference/events/message)."""
KINDS = {"C": "channel", "G": "group", "D": "im"}
MAX_CHARS = 100_000
"""Characters of a message; Slack cuts them off at 40,000 (docs.slack.dev/reference/methods/chat.postMessage)."""
MAX_NAME_CHARS = 500
MAX_FILES = 100
MAX_FORWARDED = 100
"""Slack's own limit of attachments."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_TS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def incoming(body: JsonObject, bot_user: str) -> Incoming | None:
    """A person's message from the body of an events_api envelope; None for everything that starts nothing: other
    bots, ourselves, edits, deletions, joins, and what is no message at all."""
    event = mapping(body.get("event"))
    user, channel, ts = _id(event.get("user")), _id(event.get("channel")), _ts(event.get("ts"))
    subtype = event.get("subtype")
    if not (subtype is None or isinstance(subtype, str)) or subtype not in SPOKEN:
        return None
    if event.get("bot_id") or event.get("edited") or event.get("hidden"):
        return None
    if not (user and channel and ts) or user == bot_user:
        return None
    kind = text(event.get("channel_type"), MAX_NAME_CHARS) or KINDS.get(channel[:1], "channel")
    said = text("\n".join([_start(event.get("text")), *_quoted(event)]).strip(), MAX_CHARS)
    files = [mapping(file) for file in items(event.get("files"))[:MAX_FILES] if isinstance(file, dict)]
    return Incoming(
        place=ThreadRef(_id(body.get("team_id")), channel, _ts(event.get("thread_ts")) or ts, kind),
        event_id=_id(body.get("event_id")) or f"{channel}-{ts}",
        user=user,
        ts=ts,
        text=said,
        files=[text(file.get("name"), MAX_NAME_CHARS) or "file" for file in files],
        addressed=kind == "im" or event.get("type") == "app_mention" or bot_user in mentioned(said),
    )


def _id(value: object) -> str:
    """An id of Slack's; empty for what is none."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _ts(value: object) -> str:
    """A message's timestamp; empty for what is none."""
    return value if isinstance(value, str) and _TS.fullmatch(value) else ""


def _start(value: object) -> str:
    """As much of a text as could be taken, and one character more, so that it shows that it was cut."""
    return text(value[: MAX_CHARS + 1] if isinstance(value, str) else value)


def _quoted(event: JsonObject) -> list[str]:
    """What a person forwarded with a message: Slack puts it into attachments."""
    attachments = [mapping(item) for item in items(event.get("attachments"))[:MAX_FORWARDED]]
    texts = [_start(item.get("text")) or _start(item.get("fallback")) for item in attachments]
    return [f"(forwarded) {each}" for each in texts if each]
