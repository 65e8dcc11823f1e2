"""Decides what a message is to the bot: a request that starts a turn, context, or nothing. Pure.

Messages of events and of histories have the same form, and both are read here. Malformed values are skipped, so that no
payload can block a thread or the acknowledgement of others.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from bot.core.inbox import AuthorKind, Incoming
from bot.core.json_text import JsonObject
from bot.core.thread_ref import ThreadRef
from bot.core.untrusted import items, mapping, text
from bot.slack.delivery.sender import EVENT_TYPE
from bot.slack.intake import field_checks
from bot.slack.intake.stop_words import is_stop
from bot.slack.reading import content, message
from bot.slack.reading.content import Words
from bot.slack.reading.message import Ourselves, identifier

KINDS = {"C": "channel", "G": "group", "D": "im"}
MAX_KIND_CHARS = 50
MAX_FILES = 100
MAX_STOP = 300
"""Characters of a message that is looked at for a stop word, with the label of a mention."""

_EVENT = field_checks.grammar(r"[A-Za-z0-9_-]{1,100}")
_LABEL = re.compile(r"(<@[UW][A-Z0-9]+)\|[^<>]*>")
_POSTED_FILE = re.compile(r".*-([0-9a-f]{8})\.[a-z]+")
"""The name of a file that the bot has posted (`bot.slack.blocks.messages.file_name`)."""


def incoming(
    body: JsonObject, ourselves: Ourselves, bots: Collection[str] = (), *, history: bool = False
) -> Incoming | None:
    """Return a message as the store takes it; None if it is not a message, or cannot be part of any of the bot's
    threads.

    Args:
        body: the body of an events_api envelope, or a message of a history in the same form.
        ourselves: the ids of our own app.
        bots: ids of apps and workflows whose mentions count like those of people.
        history: whether the message was read from a history, where its wording is the current one, whoever wrote it. As
            events, edits, deletions, our own messages and notices by Slack are not returned.
    """
    event = mapping(body.get("event"))
    channel, ts = _taken(field_checks.CHANNEL, event.get("channel")), timestamp(event.get("ts"))
    subtype = event.get("subtype")
    is_spoken = (subtype is None or isinstance(subtype, str)) and subtype in message.AUTHORED_SUBTYPES
    if not (channel and ts) or (not history and (not is_spoken or event.get("edited") or event.get("hidden"))):
        return None
    thread_ts = timestamp(event.get("thread_ts")) or ts
    if not ourselves.app:
        ourselves = replace(ourselves, app=identifier(body.get("api_app_id")))
    said = message.read(event, ourselves)
    author = said.author
    if author.kind is AuthorKind.PERSON and not author.id:
        return None
    may_ask = author.kind is AuthorKind.PERSON or not author.aliases.isdisjoint(bots)
    kind = _kind(event, channel)
    mentioned = ourselves.user in said.mentions
    addressed = may_ask and is_spoken and (mentioned or kind == "im")
    # Nobody has addressed the bot yet in a thread that begins with this message.
    if not history and author.kind is not AuthorKind.PERSON and not addressed and thread_ts == ts:
        return None
    if not history and author.kind is AuthorKind.OWN:
        return None
    simple = len(said.parts) == 1 and isinstance(said.parts[0], Words)
    return Incoming(
        place=ThreadRef(_installation(body), channel, thread_ts, kind),
        event_id=_taken(_EVENT, body.get("event_id")) or f"{channel}-{ts}",
        user=author.id or author.kind.value,
        ts=ts,
        text=said.own_words,
        files=(),
        addressed=addressed,
        body="" if simple or not said.parts else content.dumps(said.parts),
        author=author.kind,
        label=author.label,
        to_others=not mentioned and bool(said.mentions - {author.id}),
        stop=simple and is_spoken and author.kind is AuthorKind.PERSON and _is_stop(said.own_words, ourselves),
        post=_post(event) if author.kind is AuthorKind.OWN else "",
        version=edited_at(event),
    )


def is_unclear(event: JsonObject) -> bool:
    """Return whether a mention may be in a notice by Slack, such as one about a topic that names the bot: an
    `app_mention` has no subtype. What people write with Slack's own apps has at least one of these fields."""
    written = ("client_msg_id", "blocks", "files", "attachments")
    return event.get("type") == "app_mention" and not any(event.get(key) for key in written)


def notice_of(event: JsonObject) -> tuple[str, str] | None:
    """Return channel and ts of a notice by Slack; None for any other message."""
    subtype = event.get("subtype")
    is_notice = isinstance(subtype, str) and subtype not in message.AUTHORED_SUBTYPES
    return (
        (_taken(field_checks.CHANNEL, event.get("channel")), _taken(field_checks.TS, event.get("ts")))
        if is_notice
        else None
    )


def _is_stop(words: str, ourselves: Ourselves) -> bool:
    mention = f"<@{ourselves.user}>"
    return len(words) <= MAX_STOP and is_stop(_LABEL.sub(r"\1>", words), mention)


def _kind(event: JsonObject, channel: str) -> str:
    """Return the kind of a conversation. Messages in the app's Home come as `app_home`, and are direct ones."""
    kind = text(event.get("channel_type"), MAX_KIND_CHARS)
    return "im" if channel.startswith("D") or kind == "app_home" else kind or KINDS.get(channel[:1], "channel")


def _installation(body: JsonObject) -> str:
    """Return the team for which an event was delivered.

    The outer `team_id` may be the speaker's (Slack Connect). As in slack_bolt (extract_team_id), `authorizations` names
    one installation that can see the event.
    """
    given = mapping(next(iter(items(body.get("authorizations"))), None))
    whole = _taken(field_checks.TEAM, given.get("enterprise_id")) if given.get("is_enterprise_install") is True else ""
    return whole or _taken(field_checks.TEAM, given.get("team_id")) or _taken(field_checks.TEAM, body.get("team_id"))


def _taken(check: field_checks.Check, value: object) -> str:
    """Return a valid id or timestamp; empty for anything else."""
    try:
        return check(value)
    except field_checks.Malformed:
        return ""


def timestamp(value: object) -> str:
    """Return a valid timestamp of Slack's; empty for anything else."""
    return _taken(field_checks.TS, value)


def edited_at(message: JsonObject) -> str:
    """Return when a message was last edited, as a timestamp of Slack's; empty if it was not edited."""
    found = timestamp(mapping(message.get("edited")).get("ts"))
    return found if "." in found or not found else f"{found}.000000"


def is_posted(event: JsonObject) -> bool:
    """Return whether the bot has posted a message of a history, according to the message's metadata."""
    return mapping(event.get("metadata")).get("event_type") == EVENT_TYPE


def _post(event: JsonObject) -> str:
    """Return the key of the post that a message of our own app shows; for a file, the beginning of the key and `*`."""
    key = mapping(mapping(event.get("metadata")).get("event_payload")).get("key")
    if isinstance(key, str):
        return text(key)
    for file in items(event.get("files"))[:MAX_FILES]:
        name = mapping(file).get("name")
        if isinstance(name, str) and (match := _POSTED_FILE.fullmatch(name[-100:])):
            return f"{match[1]}*"
    return ""
