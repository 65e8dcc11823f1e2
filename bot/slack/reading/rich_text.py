"""Reads rich text, the format in which Slack delivers what people write. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from bot.core.json_text import JsonObject
from bot.core.untrusted import amount, count, items, mapping
from bot.slack.reading import markup
from bot.slack.reading.bounds import NODES, Bounds
from bot.slack.reading.collected import Collected

DEEPEST_INDENT = 8
BLOCKS = ("rich_text_list", "rich_text_preformatted", "rich_text_quote")
STYLES = (("bold", "*"), ("italic", "_"), ("strike", "~"))
MESSAGES = ("message_mention", "canvas_message_unfurl")
"""Elements that show a link to a message."""
_KIND = re.compile(r"[a-z_]{1,40}")
VISIBLE = ("text", "title", "name", "label", "fallback", "value")
"""Fields in which an element of an unknown type may hold visible text, the most likely first."""


def read(block: JsonObject, bounds: Bounds, depth: int = 0) -> Collected:
    """Return the content of a rich_text block: quotes as sections, everything else as the author's words."""
    found = Collected()
    for element in bounds.objects(block.get("elements"), depth):
        _add(element, found, bounds, depth + 1)
    return found


def _add(element: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    """Add an element with a line of its own."""
    inner = Collected()
    kind = element.get("type")
    if kind == "rich_text_list":
        inner = _list(element, bounds, depth)
    elif kind == "rich_text_preformatted":
        inner = _preformatted(element, bounds, depth)
    elif _has_blocks(element):
        for each in bounds.objects(element.get("elements"), depth):
            _add(each, inner, bounds, depth + 1)
    else:
        line = _inline(element, bounds, depth) if "elements" in element else _element(element, bounds)
        inner.say(line.text.rstrip("\n"), line.mentions)
    # A border is drawn as that of a quote.
    if kind == "rich_text_quote" or element.get("border"):
        found.quote(inner.parts)
    else:
        found.include(inner)


def _is_block(element: JsonObject) -> bool:
    return element.get("type") in BLOCKS or bool(element.get("border"))


def _has_blocks(element: JsonObject) -> bool:
    """Whether an element that is usually one line has quotes, lists or code blocks in it."""
    return any(_is_block(mapping(each)) for each in items(element.get("elements"))[:NODES])


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    mentions: tuple[str, ...] = ()


def _inline(parent: JsonObject, bounds: Bounds, depth: int) -> _Line:
    """Return the elements of one line as markup."""
    lines: list[_Line] = []
    for element in bounds.objects(parent.get("elements"), depth):
        line = _inline(element, bounds, depth + 1) if "elements" in element else _element(element, bounds)
        lines.append(_Line(line.text) if _is_block(element) else line)
    return _Line("".join(line.text for line in lines), tuple(who for line in lines for who in line.mentions))


def _list(parent: JsonObject, bounds: Bounds, depth: int) -> Collected:
    found = Collected()
    indent = min(count(parent.get("indent")), DEEPEST_INDENT)
    number = count(parent.get("offset")) + 1
    for item in bounds.objects(parent.get("elements"), depth):
        if _is_block(item) or _has_blocks(item):
            _add(item, found, bounds, depth + 1)
            continue
        line = _inline(item, bounds, depth + 1) if "elements" in item else _element(item, bounds)
        mark = f"{number}." if parent.get("style") == "ordered" else "-"
        number += 1
        begun = "  " * indent + mark
        found.say(f"{begun} " + line.text.rstrip("\n").replace("\n", "\n" + " " * (len(begun) + 1)), line.mentions)
    return found


def _preformatted(parent: JsonObject, bounds: Bounds, depth: int) -> Collected:
    found = Collected()
    text = _inline(parent, bounds, depth).text
    if text.strip():
        fence = "````" if "```" in text else "```"
        language = markup.escaped(bounds.line(parent.get("language")))
        found.say(f"{fence}{language}\n{text.strip(chr(10))}\n{fence}")
    return found


def _element(element: JsonObject, bounds: Bounds) -> _Line:
    """Return one inline element with its style. Mentions in code do not count."""
    style = mapping(element.get("style"))
    line = _plain(element, bounds)
    if style.get("code"):
        return _Line(f"`{line.text}`" if line.text.strip() else line.text)
    text = line.text
    for name, mark in STYLES:
        if style.get(name) is True and (core := text.strip()):
            before, _, after = text.partition(core)
            text = f"{before}{mark}{core}{mark}{after}"
    return _Line(text, line.mentions)


def _plain(element: JsonObject, bounds: Bounds) -> _Line:
    """Return one inline element without its style."""
    kind = str(element.get("type"))
    if kind in _MENTIONS:
        key, begun = _MENTIONS[kind]
        return _mention(f"{begun}{bounds.line(element.get(key))}>")
    if kind == "channel":
        return _Line(f"<#{markup.escaped(bounds.line(element.get('channel_id')))}>")
    if kind in ("link", "text"):
        text = bounds.text(element.get("text"))
        return _Line(markup.link(bounds.address(element.get("url")), text) if kind == "link" else markup.escaped(text))
    match kind:
        case "emoji":
            shown = f":{bounds.line(element.get('name'))}:"
        case "date":
            shown = bounds.text(element.get("fallback")) or moment(element.get("timestamp"))
        case "color":
            shown = bounds.line(element.get("value"))
        case "team":
            shown = bounds.line(element.get("team_id"))
        case _:
            return _Line(_other(element, bounds))
    return _Line(markup.escaped(shown))


def _other(element: JsonObject, bounds: Bounds) -> str:
    """Return what people see of a reference to something else in Slack: its title and address, or what it is."""
    shown = next((each for name in VISIBLE if (each := bounds.text(element.get(name)))), "")
    address = bounds.address(element.get("url"))
    channel = bounds.line(element.get("channel_id") or element.get("root_message_channel"))
    if element.get("type") in MESSAGES:
        # Its text is by somebody else.
        said = f": “{markup.escaped(' '.join(shown.split()))}”" if shown else ""
        where = f" in <#{markup.escaped(channel)}>" if channel else ""
        return f"(a message{where}{said}{f' {markup.link(address)}' if address else ''})"
    if shown or address:
        return markup.link(address, shown)
    kind = element.get("type")
    return f"({kind.replace('_', ' ')})" if isinstance(kind, str) and _KIND.fullmatch(kind) else ""


_MENTIONS = {
    "user": ("user_id", "<@"),
    "canvas_user_mention": ("user_id", "<@"),
    "usergroup": ("usergroup_id", "<!subteam^"),
    "broadcast": ("range", "<!"),
}
"""By element type: the key of the mentioned id, and how the mention begins in markup."""


def _mention(entity: str) -> _Line:
    """Return a mention in markup; anything else as plain text."""
    found = tuple(markup.mentions(entity))
    return _Line(entity, found) if found else _Line(markup.escaped(entity))


def moment(seconds: object) -> str:
    """Return a time in seconds since 1970 as text, in UTC; empty if it is invalid."""
    value = amount(seconds)
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(value)) if 0 < value < 1e11 else ""
