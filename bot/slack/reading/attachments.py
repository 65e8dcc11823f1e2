"""Reads attachments: forwarded messages, link previews, and what apps attach. Pure.

Source: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping
from bot.slack.reading import blocks, files, markup, tables
from bot.slack.reading.bounds import ATTACHMENT, Bounds
from bot.slack.reading.collected import Collected
from bot.slack.reading.content import Kind, Part, Section, Words, texts
from bot.slack.reading.rich_text import moment

NO_PREVIEW = "[no preview available]"
"""The `fallback` that Slack gives for attachments that consist of blocks."""
MAX_REPEATED = 20
"""The number of attachments and files of a forwarded message that are searched for copies."""
_WORD = re.compile(r"\w+")
_HEAD = re.compile(r"\[[^\]\n]{1,60}\] [^:\n]{1,100}: ?")


def read(attachments: object, found: Collected, bounds: Bounds, depth: int = 0) -> None:
    """Add the attachments of a message."""
    for attachment in bounds.objects(attachments, depth, ATTACHMENT):
        if _is_table(attachment):
            # A table that a person inserts into a message arrives as an attachment.
            for block in bounds.objects(attachment.get("blocks"), depth + 1):
                found.say(tables.read(block, bounds, depth + 2))
        elif (section := _section(attachment, bounds, depth + 1)) is not None:
            found.add(section)


def _is_table(attachment: JsonObject) -> bool:
    kinds = {str(mapping(block).get("type")) for block in items(attachment.get("blocks"))[:10]}
    others = {"id", "blocks", "fallback", "color"}
    return bool(kinds) and kinds <= {"table", "data_table"} and set(attachment) <= others


def _section(attachment: JsonObject, bounds: Bounds, depth: int) -> Section | None:
    """Return one attachment as a section; None if it shows nothing."""
    kind = _kind(attachment)
    inner = _message(attachment, bounds, depth) if kind is Kind.FORWARD else Collected()
    written = Collected()
    if not any(isinstance(part, Words) or part.kind is Kind.QUOTE for part in inner.parts):
        shown = blocks.read(attachment.get("blocks"), bounds, depth)
        text = bounds.text(attachment.get("text"))
        if not contains(shown.parts, text):
            written.say_markup(text)
        written.include(shown)
    parts = [*_around(attachment, kind, bounds, before=True), *written.parts, *inner.parts]
    parts += _fields(attachment, bounds, depth)
    nested = Collected()
    read(_more(attachment, "attachments"), nested, bounds, depth + 1)
    for section in files.sections(_more(attachment, "files"), bounds, depth):
        nested.add(section)
    parts += nested.parts
    parts += _around(attachment, kind, bounds, before=False)
    author, source, title = (
        _author(attachment, kind, bounds),
        _source(attachment, kind, bounds),
        _title(attachment, kind, bounds),
    )
    if not parts and not ((title or author) and kind is not Kind.FORWARD):
        fallback = bounds.text(attachment.get("fallback"))
        if fallback.strip() and fallback.strip() != NO_PREVIEW:
            parts = list(markup.parts(fallback)) if kind is not Kind.FORWARD else _repeated(fallback)
        elif attachment.get("image_url") or attachment.get("thumb_url"):
            parts = [Words("(image)")]
    if not (parts or title or author or (kind is Kind.FORWARD and source)):
        return None
    return Section(kind, tuple(parts), author, source, title)


def _kind(attachment: JsonObject) -> Kind:
    forwarded = ("is_share", "is_msg_unfurl", "is_reply_unfurl", "is_thread_root_unfurl", "message_blocks")
    if any(attachment.get(key) for key in forwarded) or (attachment.get("author_id") and attachment.get("channel_id")):
        return Kind.FORWARD
    preview = ("from_url", "original_url", "app_unfurl_url", "is_app_unfurl", "service_name", "service_url")
    return Kind.PREVIEW if any(attachment.get(key) for key in preview) else Kind.ATTACHMENT


def _repeated(fallback: str) -> list[Part]:
    """Return what the fallback of a forwarded message says, apart from when and by whom: `[March 3rd] alice: hello`."""
    head = _HEAD.match(fallback)
    about = [Section(Kind.ABOUT, (Words(head[0].strip()),))] if head else []
    return [*about, *markup.parts(fallback[head.end() if head else 0 :])]


def _message(attachment: JsonObject, bounds: Bounds, depth: int) -> Collected:
    """Return the content of a forwarded message, including the messages that were forwarded in it."""
    found = Collected()
    for each in bounds.objects(attachment.get("message_blocks"), depth):
        message = mapping(each.get("message"))
        found.include(blocks.read(message.get("blocks"), bounds, depth + 1))
        read(message.get("attachments"), found, bounds, depth + 1)
        for section in files.sections(message.get("files"), bounds, depth + 1):
            found.add(section)
    return found


def _more(attachment: JsonObject, key: str) -> list[object]:
    """Return what an attachment has beside its message: what was forwarded with that may be repeated there."""
    messages = [
        mapping(mapping(each).get("message")) for each in items(attachment.get("message_blocks"))[:MAX_REPEATED]
    ]
    known = [each for message in messages for each in items(message.get(key))[:MAX_REPEATED]]
    return [each for each in items(attachment.get(key)) if each not in known[:MAX_REPEATED]]


def _around(attachment: JsonObject, kind: Kind, bounds: Bounds, *, before: bool) -> list[Part]:
    """Return the parts that are shown above (`before`) or below the body of an attachment."""
    found = Collected()
    if before:
        found.say_markup(bounds.text(attachment.get("pretext")))
        return found.parts
    found.say(markup.half_escaped(bounds.text(attachment.get("image_alt") or attachment.get("alt_text"))))
    buttons = [
        markup.half_escaped(bounds.line(each.get("text"))) for each in bounds.objects(attachment.get("actions"), 0)
    ]
    found.say(" ".join(f"[{button}]" for button in buttons if button))
    footer = markup.half_escaped(bounds.text(attachment.get("footer")))
    channel = attachment.get("channel_name")
    if kind is Kind.FORWARD and isinstance(channel, str) and channel and channel in footer:
        footer = ""  # the source names it already
    at = "" if kind is Kind.FORWARD else moment(_seconds(attachment.get("ts")))
    if footer.strip():
        found.add(Section(Kind.ABOUT, (Words(" · ".join(filter(None, (footer, at)))),)))
    else:
        found.say(at)
    return found.parts


def _seconds(ts: object) -> object:
    """Return a time in seconds, which Slack gives as a number or as text; None if the text is not a number."""
    try:
        return float(ts) if isinstance(ts, str) and len(ts) < 30 else ts
    except ValueError:
        return None


def _fields(attachment: JsonObject, bounds: Bounds, depth: int) -> Sequence[Part]:
    found = Collected()
    for field in bounds.objects(attachment.get("fields"), depth):
        title = markup.half_escaped(bounds.text(field.get("title")))
        value = list(markup.parts(bounds.text(field.get("value"))))
        if title and value and isinstance(value[0], Words):
            value[0] = Words(f"{title}: {value[0].text}")
        else:
            found.say(title)
        for part in value:
            found.put(part)
    return found.parts


def _author(attachment: JsonObject, kind: Kind, bounds: Bounds) -> str:
    name = markup.half_escaped(bounds.line(attachment.get("author_name")))
    person = f"<@{bounds.line(attachment.get('author_id'))}>"
    more = markup.half_escaped(bounds.line(attachment.get("author_subname")))
    if kind is Kind.FORWARD and list(markup.mentions(person)):
        # Slack gives the id, and the name that the person had when the message was forwarded.
        return f"{person[:-1]}|{name or more}>" if name or more else person
    return f"{name} ({more})" if name and more and more != name else name or more


def _source(attachment: JsonObject, kind: Kind, bounds: Bounds) -> str:
    keys = ("from_url", "original_url", "app_unfurl_url", "title_link", "author_link", "service_url")
    address = next((found for key in keys if (found := bounds.address(attachment.get(key)))), "")
    channel = bounds.line(attachment.get("channel_id"))
    if kind is Kind.FORWARD and channel:
        name = markup.escaped(bounds.line(attachment.get("channel_name")))
        return f"<#{markup.escaped(channel)}|{name}>" if name else f"<#{markup.escaped(channel)}>"
    return markup.link(address)


def _title(attachment: JsonObject, kind: Kind, bounds: Bounds) -> str:
    title = markup.half_escaped(bounds.line(attachment.get("title")))
    service = markup.half_escaped(bounds.line(attachment.get("service_name")))
    return " – ".join(dict.fromkeys(each for each in (service, title) if each))


def contains(parts: Sequence[Part], text: str) -> bool:
    """Return whether every word of a text occurs in the parts. Such a text is the fallback for clients that do not show
    blocks."""
    words = _WORD.findall(text)
    return bool(words) and set(words) <= set(_WORD.findall(" ".join(texts(parts))))
