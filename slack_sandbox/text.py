"""Slack's text: escaping, control sequences, what can be read, and what would notify somebody.

Source: docs.slack.dev/messaging/formatting-message-text. Three characters are escaped (& < >); `<…>` holds user,
channel, group and broadcast mentions, dates and links.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

Json = dict[str, Any]

_CONTROL = re.compile(
    r"<(?:@[UW][A-Z0-9]+(?:\|[^<>]*)?"
    r"|#[CG][A-Z0-9]+(?:\|[^<>]*)?"
    r"|!(?:channel|here|everyone|group|subteam\^[A-Z0-9]+|date\^[^<>]+)(?:\|[^<>]*)?"
    r"|(?:https?|ftp|mailto|tel|slack):[^<>\s|]+(?:\|[^<>]*)?)>"
)
_PING = re.compile(r"<(@[UW][A-Z0-9]+|!(?:channel|here|everyone|group|subteam\^[A-Z0-9]+))(?:\|[^<>]*)?>")
_NAMED_PING = re.compile(r"(?<![\w@])@(channel|here|everyone)\b")
_STRAY_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")


def escape(text: str) -> str:
    """Escape the three characters that Slack's text format reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Undo `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_typed(text: str) -> str:
    """What Slack stores when a person types this: control sequences stand for mentions picked in the client, the rest
    is escaped.
    """
    return _outside_controls(text, escape)


def as_posted(text: str) -> str:
    """What Slack stores when an app posts this: entities and control sequences stay, stray & < > are escaped."""
    if "&" not in text and "<" not in text and ">" not in text:
        return text

    def normalise(part: str) -> str:
        return _STRAY_AMPERSAND.sub("&amp;", part).replace("<", "&lt;").replace(">", "&gt;")

    return _outside_controls(text, normalise)


def _outside_controls(text: str, change: Any) -> str:
    parts: list[str] = []
    position = 0
    for match in _CONTROL.finditer(text):
        parts.append(change(text[position : match.start()]))
        parts.append(match.group())
        position = match.end()
    parts.append(change(text[position:]))
    return "".join(parts)


def rich_text(text: str, block_id: str) -> list[Json]:
    """The rich_text block that Slack's client sends along with a person's message."""
    inline: list[Json] = []
    position = 0
    for match in _CONTROL.finditer(text):
        if match.start() > position:
            inline.append({"type": "text", "text": unescape(text[position : match.start()])})
        inline.append(_inline(match.group()[1:-1]))
        position = match.end()
    if position < len(text):
        inline.append({"type": "text", "text": unescape(text[position:])})
    if not inline:
        return []
    section = {"type": "rich_text_section", "elements": inline}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]


def _inline(control: str) -> Json:
    body, _, label = control.partition("|")
    if body.startswith("@"):
        return {"type": "user", "user_id": body[1:]}
    if body.startswith("#"):
        return {"type": "channel", "channel_id": body[1:]}
    if body.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": body[9:]}
    if body.startswith("!date^"):
        return {"type": "text", "text": label or body}
    if body.startswith("!"):
        return {"type": "broadcast", "range": body[1:]}
    link: Json = {"type": "link", "url": body}
    if label:
        link["text"] = unescape(label)
    return link


def mentions(text: str, person: str) -> bool:
    """Whether the text mentions this user id."""
    return f"<@{person}>" in text or f"<@{person}|" in text


def pings(text: str, blocks: Sequence[Json], *, link_names: bool = False) -> list[str]:
    """Every control sequence that notifies somebody: in the text, in mrkdwn, in markdown blocks, in rich text.

    plain_text never notifies. With `link_names` (or parse=full) bare `@channel`, `@here` and `@everyone` count too.
    """
    found = [f"<{match}>" for match in _PING.findall(text)]
    if link_names:
        found.extend(f"<!{match}>" for match in _NAMED_PING.findall(text))
    for node in _walk(blocks):
        kind = node.get("type")
        if kind in ("mrkdwn", "markdown", "markdown_text") or "mrkdwn_in" in node:
            found.extend(f"<{match}>" for match in _PING.findall(str(node.get("text", ""))))
        elif kind == "user":
            found.append(f"<@{node.get('user_id')}>")
        elif kind == "usergroup":
            found.append(f"<!subteam^{node.get('usergroup_id')}>")
        elif kind == "broadcast":
            found.append(f"<!{node.get('range')}>")
    return list(dict.fromkeys(found))


def _walk(node: Any) -> list[Json]:
    """Every object in it, each before those within it."""
    found: list[Json] = []
    _collect(node, found)
    return found


def _collect(node: Any, found: list[Json]) -> None:
    if isinstance(node, dict):
        found.append(node)
        for value in node.values():
            if isinstance(value, dict | list):
                _collect(value, found)
    elif isinstance(node, list):
        for value in node:
            if isinstance(value, dict | list):
                _collect(value, found)


def elements(blocks: Sequence[Json]) -> Iterator[Json]:
    """Every interactive element of the blocks, each with the `block_id` it sits in under the key `_block_id`.

    In a container or carousel that is the id of the block within it.
    """
    for block in blocks:
        inner = {"container": "child_blocks", "carousel": "elements"}.get(str(block.get("type")))
        if inner is not None:
            yield from elements(block.get(inner, ()))
            continue
        for node in _walk(block):
            if "action_id" in node and "type" in node:
                yield {**node, "_block_id": block.get("block_id", "")}


def plain(text: str, blocks: Sequence[Json], attachments: Sequence[Json]) -> str:
    """All readable text: the message text, then each text of the blocks and attachments, a part a line, none twice.
    Dates are shown by their fallback."""
    parts: list[str] = [unescape(text)] if text else []
    for block in [*blocks, *attachments]:
        _read(block, parts)
    return "\n".join(dict.fromkeys(_DATE.sub(r"\1", part) if "<!date" in part else part for part in parts if part))


_DATE = re.compile(r"<!date\^[^<>|]*\|([^<>]*)>")
_SYMBOLS = ("feedback_buttons", "overflow")
"""What Slack draws without its words: thumbs, and three dots that open a menu."""
_INLINE_KINDS = {"rich_text_section", "rich_text_preformatted", "rich_text_quote"}
_REFERENCES = {
    "user": ("<@{}>", "user_id"),
    "channel": ("<#{}>", "channel_id"),
    "usergroup": ("<!subteam^{}>", "usergroup_id"),
    "broadcast": ("<!{}>", "range"),
    "emoji": (":{}:", "name"),
}
_TEXT_KEYS = (
    "title",
    "text",
    "label",
    "subtitle",
    "body",
    "fallback",
    "pretext",
    "alt_text",
    "hint",
    "placeholder",
    "details",
)


def _read(node: Any, parts: list[str]) -> None:
    """Add the texts in it. Tests read the same messages again and again, so this is one pass without generators."""
    if isinstance(node, list):
        for value in node:
            if isinstance(value, dict | list):
                _read(value, parts)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind in _SYMBOLS:
            return
        if kind in _INLINE_KINDS:
            parts.append("".join([_inline_text(part) for part in node.get("elements", [])]))
            return
        for key in _TEXT_KEYS:
            value = node.get(key)
            if isinstance(value, str):
                parts.append(unescape(value) if kind not in ("plain_text", "markdown") else value)
        for value in node.values():
            if isinstance(value, dict | list):
                _read(value, parts)


def _inline_text(part: Json) -> str:
    kind = str(part.get("type"))
    if kind in _REFERENCES:
        shape, key = _REFERENCES[kind]
        return shape.format(part[key])
    return str(part.get("text") or part.get("fallback") or part.get("url", ""))
