"""Recognizes edits and deletions of messages in Slack's events. Pure.

Slack sends `message_changed` for any change of a message: an edit by a person, but also an added link preview, or an
update by our own app. Only the first is an edit. When the first message of a thread with replies is deleted, it changes
into a `tombstone`; any other deletion is sent as `message_deleted`
(docs.slack.dev/reference/events/message/message_changed, …/message_deleted).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bot.core.amendments import Amendment
from bot.core.inbox import AuthorKind, Incoming
from bot.core.json_text import JsonObject
from bot.core.untrusted import mapping
from bot.slack.intake.messages import edited_at, incoming, timestamp
from bot.slack.reading.message import Ourselves, author_of, identifier

CHANGED, DELETED, TOMBSTONE = "message_changed", "message_deleted", "tombstone"
NOBODY = "USLACKBOT"
"""The author of a message about which nothing is known."""


def amendment(body: JsonObject, ourselves: Ourselves, bots: Collection[str] = ()) -> Amendment | None:
    """Return the edit or deletion that an event reports; None for any other event.

    Args:
        body: the body of an events_api envelope.
        ourselves: the ids of our own app.
        bots: ids of apps and workflows that may address the bot.
    """
    event = mapping(body.get("event"))
    now, before = mapping(event.get("message")), mapping(event.get("previous_message"))
    if event.get("subtype") == DELETED:
        ts = timestamp(event.get("deleted_ts")) or timestamp(before.get("ts"))
        return _deletion(body, before or {"thread_ts": event.get("thread_ts")}, ts, ourselves, bots)
    if event.get("subtype") != CHANGED:
        return None
    if now.get("subtype") == TOMBSTONE:
        return _deletion(body, before, timestamp(now.get("ts")), ourselves, bots, is_there=True)
    at = edited_at(now)
    if not at or at == edited_at(before) or now.get("hidden") is True:
        return None
    said = _read(body, now, ourselves, bots)
    if said is None or said.author is AuthorKind.SLACK:
        return None
    was = _read(body, before, ourselves, bots) if before else None
    # Two edits within a second have the same `edited.ts`.
    version = f"{at} {timestamp(event.get('event_ts')) or timestamp(event.get('ts'))}".strip()
    # A stop word counts when it is sent.
    said = replace(said, version=version, stop=False)
    return Amendment(
        place=said.place,
        ts=said.ts,
        at=at,
        now=said,
        was_addressed=was is None or was.addressed,
        may_ask=_may_ask(now, ourselves, bots),
        is_own=said.author is AuthorKind.OWN,
    )


def deleted(body: JsonObject) -> tuple[str, str] | None:
    """Return the channel and the timestamp of a message that an event says was deleted, whoever has written it; None
    for any other event."""
    event = mapping(body.get("event"))
    now = mapping(event.get("message"))
    ts = ""
    if event.get("subtype") == DELETED:
        ts = timestamp(event.get("deleted_ts")) or timestamp(mapping(event.get("previous_message")).get("ts"))
    elif event.get("subtype") == CHANGED and now.get("subtype") == TOMBSTONE:
        ts = timestamp(now.get("ts"))
    channel = identifier(event.get("channel"))
    return (channel, ts) if channel and ts else None


def is_own_update(body: JsonObject, ourselves: Ourselves) -> bool:
    """Return whether an event reports that our own app has posted or updated a message."""
    event = mapping(body.get("event"))
    subtype = event.get("subtype")
    if subtype == DELETED:
        return False
    said = mapping(event.get("message")) if subtype == CHANGED else event
    if said.get("subtype") == TOMBSTONE:
        return False
    bot, user, app = said.get("bot_id"), said.get("user"), said.get("app_id")
    ours = (
        (bot and bot == ourselves.bot)
        or (user and user == ourselves.user)
        or (app and app in (ourselves.app, body.get("api_app_id")))
    )
    return bool(ours)


def _deletion(
    body: JsonObject,
    before: JsonObject,
    ts: str,
    ourselves: Ourselves,
    bots: Collection[str],
    *,
    is_there: bool = False,
) -> Amendment | None:
    """Return a deletion. `is_there`: a tombstone remains, so the thread goes on."""
    event = mapping(body.get("event"))
    at = timestamp(event.get("event_ts")) or timestamp(event.get("ts"))
    said = _read(body, {"user": NOBODY, **before, "ts": ts}, ourselves, bots) if ts and at else None
    if said is None:
        return None
    is_known = bool(before.get("user") or before.get("bot_id"))
    return Amendment(
        place=said.place,
        ts=ts,
        at=at,
        now=None,
        was_addressed=said.addressed or not is_known,
        may_ask=_may_ask(before, ourselves, bots) or not is_known,
        is_own=said.author is AuthorKind.OWN,
        ends_thread=not is_there and said.place.thread_ts == ts,
    )


def _read(body: JsonObject, message: JsonObject, ourselves: Ourselves, bots: Collection[str]) -> Incoming | None:
    event = mapping(body.get("event"))
    about = {**message, "channel": event.get("channel"), "channel_type": event.get("channel_type")}
    # Not under the id of this event: the message is recorded once, whichever of its events arrives first.
    return incoming({**body, "event": about, "event_id": ""}, ourselves, bots, history=True)


def _may_ask(message: JsonObject, ourselves: Ourselves, bots: Collection[str]) -> bool:
    author = author_of(message, ourselves)
    return author.kind is AuthorKind.PERSON or not author.aliases.isdisjoint(bots)
