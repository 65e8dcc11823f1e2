"""Says where a thread is, who began it and when, in words for the model. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from bot.core.inbox import AuthorKind, Unread
from bot.core.surroundings import Surroundings
from bot.slack.directory import Conversation
from bot.slack.labels import Labels
from bot.slack.reading.rendering import note
from bot.slack.text import speaker

_KINDS = {"channel": "the public channel", "group": "the private channel", "mpim": "a group conversation"}


def surroundings(
    first: Unread, name: str, *, utc_offset: int, found: Conversation | None, kind: str, labels: Labels | None
) -> Surroundings:
    """Return what is known of a thread that begins with a message.

    Args:
        name: of its author, as Slack says.
        utc_offset: of its author's time zone, in seconds.
        found: the conversation; None if Slack does not say or if it is a direct message.
        kind: of the conversation, as far as it is known without that.
        labels: what people are called in place of their names; the channel has no name either then.
    """
    requester = _requester(first, name, labels)
    local = _local(first, utc_offset)
    channel = f"a direct message with {requester}" if kind == "im" else _channel(found, kind, named=labels is None)
    return Surroundings(channel, requester, f"{local:%A}, {_day(local)}")


def sent(message: Unread, utc_offset: int) -> str:
    """Return the line that says when a message was sent, where its author is."""
    local = _local(message, utc_offset)
    offset = f"{local:%z}"
    zone = f"UTC{offset[:3]}:{offset[3:5]}" if utc_offset else "UTC"
    return note(f"sent {local:%A}, {_day(local)}, {local:%H:%M} ({zone})")


def _day(local: datetime) -> str:
    return f"{local.day} {local:%B} {local.year}"


def _channel(found: Conversation | None, kind: str, *, named: bool) -> str:
    kind = _KINDS.get(found.kind if found is not None else kind, "a conversation")
    if not named or found is None or not found.name:
        return kind.replace("the ", "a ")
    return f"{kind} #{speaker(found.name)}"


def _requester(message: Unread, name: str, labels: Labels | None) -> str:
    if message.author is not AuthorKind.PERSON:
        called = labels(message.user) if labels is not None and message.user else message.label
        return f"{speaker(called) if called else 'somebody'} ({message.author.value})"
    if labels is not None:
        return labels(message.user)
    return speaker(name) if name != message.user else "somebody"


def _local(message: Unread, utc_offset: int) -> datetime:
    zone = timezone(timedelta(seconds=utc_offset)) if utc_offset else UTC
    try:
        return datetime.fromtimestamp(float(message.ts), zone)
    except (ValueError, OverflowError, OSError):
        return datetime.now(zone)
