"""Says where a thread is, who began it and when, in words for the model."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

from bot.core.inbox import AuthorKind, Unread
from bot.core.surroundings import Surroundings
from bot.core.thread_ref import ThreadRef
from bot.slack.directory import Directory
from bot.slack.reading.rendering import note
from bot.slack.text import speaker

_KINDS = {"channel": "the public channel", "group": "the private channel", "mpim": "a group conversation"}


async def surroundings(directory: Directory, place: ThreadRef, first: Unread) -> Surroundings:
    """Return what is known of a thread that begins with a message. What Slack does not say is left out."""
    channel, requester, local = await asyncio.gather(
        _channel(directory, place), _name(directory, first), _local(directory, first)
    )
    return Surroundings(channel or f"a direct message with {requester}", requester, f"{local:%A}, {_day(local)}")


async def sent(directory: Directory, message: Unread) -> str:
    """Return the line that says when a message was sent, where its author is."""
    local = await _local(directory, message)
    offset = f"{local:%z}"
    zone = f"UTC{offset[:3]}:{offset[3:5]}" if local.utcoffset() else "UTC"
    return note(f"sent {local:%A}, {_day(local)}, {local:%H:%M} ({zone})")


def _day(local: datetime) -> str:
    return f"{local.day} {local:%B} {local.year}"


async def _channel(directory: Directory, place: ThreadRef) -> str:
    """Return the name of a channel; empty for a direct message."""
    if place.kind == "im":
        return ""
    found = await directory.conversation(place.channel)
    kind = _KINDS.get(found.kind if found is not None else place.kind, "a conversation")
    return f"{kind} #{speaker(found.name)}" if found is not None and found.name else kind


async def _name(directory: Directory, message: Unread) -> str:
    if message.author is AuthorKind.PERSON:
        name = await directory.name(message.user)
        return speaker(name) if name != message.user else "somebody"
    return f"{speaker(message.label) if message.label else 'somebody'} ({message.author.value})"


async def _local(directory: Directory, message: Unread) -> datetime:
    """Return the local time of the author of a message, in UTC if it is not known."""
    offset = await directory.utc_offset(message.user) if message.author is AuthorKind.PERSON else 0
    zone = timezone(timedelta(seconds=offset)) if offset else UTC
    try:
        return datetime.fromtimestamp(float(message.ts), zone)
    except (ValueError, OverflowError, OSError):
        return datetime.now(zone)
