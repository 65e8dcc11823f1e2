"""Reads Slack's message objects, which are the same in events and in histories. Pure, and bounded in time and size.

Malformed values are skipped, so that no payload can block a thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.core.inbox import AuthorKind
from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping
from bot.slack.reading import attachments, blocks, files, markup
from bot.slack.reading.bounds import Bounds
from bot.slack.reading.collected import Collected
from bot.slack.reading.content import Author, Content, Kind, Section, Words, texts

SLACKBOT = "USLACKBOT"
AUTHORED_SUBTYPES = {None, "file_share", "thread_broadcast", "reply_broadcast", "me_message", "bot_message"}
"""Subtypes of messages that somebody wrote. All others are notices by Slack that something has happened
(docs.slack.dev/reference/events/message)."""
RENAMING = ("channel_name", "group_name")
"""Subtypes of notices that name a conversation in plain text."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(slots=True)
class Ourselves:
    """The ids by which messages of our own app are recognized."""

    user: str
    """The id of our bot user."""
    bot: str = ""
    app: str = ""
    """Known once the socket is open. What our app posts through a webhook has another `bot_id`, and only this."""


def read(message: JsonObject, ourselves: Ourselves) -> Content:
    """Return the content of a message: the author's own words first, then attachments and files."""
    bounds, found = Bounds(), Collected()
    shown = blocks.read(message.get("blocks"), bounds)
    # `text` is the fallback for clients that do not show blocks, except in notices by Slack itself.
    if message.get("subtype") in RENAMING:
        if (renamed := bounds.text(message.get("text"))).strip():
            found.add(Section(Kind.ABOUT, (Words(renamed),)))
    elif not shown.parts or not is_spoken(message):
        found.say_markup(bounds.text(message.get("text")))
    elif bounds.unread and not attachments.contains(shown.parts, text := bounds.text(message.get("text"))):
        found.say_markup(text)
        bounds.cut = bounds.cut or not text.strip()
    found.include(shown)
    attachments.read(message.get("attachments"), found, bounds)
    for section in files.sections([*items(message.get("files")), message.get("file")], bounds):
        found.add(section)
    if not found.parts:
        found.say_markup(bounds.text(mapping(message.get("comment")).get("comment")))
        found.say(markup.escaped(bounds.line(mapping(message.get("room")).get("name"))))
    if bounds.cut:
        found.add(Section(Kind.CUT))
    named = {who for text in texts(found.parts) for who in markup.mentions(text)}
    return Content(
        author=author_of(message, ourselves),
        parts=tuple(found.parts),
        mentions=frozenset(found.mentions),
        named=frozenset(who for who in named if who[0] in "UW"),
    )


def subject(event: JsonObject) -> JsonObject:
    """Return the message that an event is about: one that was changed, replied to or deleted, or the event itself."""
    return mapping(event.get("message")) or mapping(event.get("previous_message")) or event


def author_of(message: JsonObject, ourselves: Ourselves) -> Author:
    """Return the author of a message. An app that posts in a person's name counts as an app."""
    user, bot, app = (identifier(message.get(key)) for key in ("user", "bot_id", "app_id"))
    profile = mapping(message.get("bot_profile"))
    app = app or identifier(profile.get("app_id"))
    label = next((name for each in (message.get("username"), profile.get("name")) if (name := Bounds().line(each))), "")
    if (user and user == ourselves.user) or (bot and bot == ourselves.bot) or (app and app == ourselves.app):
        return Author(AuthorKind.OWN, user or bot or app, label)
    subtype = message.get("subtype")
    if user == SLACKBOT or not is_spoken(message):
        return Author(AuthorKind.SLACK, user or SLACKBOT)
    workflow = identifier(message.get("workflow_id")) or identifier(profile.get("workflow_id"))
    if bot or app or subtype == "bot_message" or workflow:
        kinds = (AuthorKind.APP, AuthorKind.WORKFLOW)
        is_workflow = bool(workflow or profile.get("is_workflow_bot") or message.get("is_workflow_bot"))
        aliases = frozenset(each for each in (bot, app, workflow, user if bot else "") if each)
        return Author(kinds[is_workflow], bot or workflow or app, label, aliases)
    return Author(AuthorKind.PERSON, user)


def is_spoken(message: JsonObject) -> bool:
    """Return whether somebody says something with a message."""
    subtype = message.get("subtype")
    return isinstance(subtype, str | None) and subtype in AUTHORED_SUBTYPES


def identifier(value: object) -> str:
    """Return a Slack id; empty if the value is not one."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""
