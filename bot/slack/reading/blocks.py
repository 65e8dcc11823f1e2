"""Reads blocks: every text that people see in them, once and in order. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.json_text import JsonObject
from bot.core.untrusted import mapping
from bot.slack.reading import charts, files, markup, rich_text, tables
from bot.slack.reading.bounds import NODES, Bounds
from bot.slack.reading.collected import Collected

VISIBLE = ("title", "subtitle", "label", "text", "body", "subtext", "description", "caption", "alt_text", "fallback")
"""Fields in which a block of an unknown type may hold visible text."""
UNSEEN = ("confirm", "metadata", "workflow", "slack_file", "style", "dispatch_action_config", "filter")
"""Fields whose content is not shown, or only after a click."""


def read(blocks: object, bounds: Bounds, depth: int = 0) -> Collected:
    """Return the visible content of a list of blocks."""
    found = Collected()
    for block in bounds.objects(blocks, depth):
        reader = _READERS.get(str(block.get("type")))
        if reader is not None:
            reader(block, found, bounds, depth + 1)
            continue
        inner = Collected()
        _any(block, inner, bounds, depth + 1)
        found.include(inner)
        bounds.unread = bounds.unread or not inner.parts
    return found


def _rich_text(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.include(rich_text.read(block, bounds, depth))


def _text(value: object, bounds: Bounds) -> str:
    """Return a text object as markup. In some places Slack accepts a plain string instead."""
    whole = mapping(value)
    if isinstance(value, str):
        return markup.half_escaped(bounds.text(value))
    said = bounds.text(whole.get("text"))
    return said if whole.get("type") in ("mrkdwn", "mrkdwn_text") else markup.half_escaped(said)


def _say(value: object, found: Collected, bounds: Bounds, depth: int) -> None:
    """Add a text object, rich text, or a plain text."""
    whole = mapping(value)
    if whole.get("type") == "rich_text":
        found.include(rich_text.read(whole, bounds, depth))
    elif whole.get("type") in ("mrkdwn", "mrkdwn_text"):
        found.say_markup(_text(value, bounds))
    else:
        found.say(_text(value, bounds))


def _section(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    _say(block.get("text"), found, bounds, depth)
    for field in bounds.objects(block.get("fields"), depth):
        _say(field, found, bounds, depth)
    _elements([block["accessory"]] if block.get("accessory") else (), found, bounds, depth)


def _header(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.say(_text(block.get("text"), bounds))


def _context(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    _elements(block.get("elements"), found, bounds, depth)


def _elements(elements: object, found: Collected, bounds: Bounds, depth: int) -> None:
    """Add the texts, images and controls of a context or an actions block; controls together on one line."""
    controls: list[str] = []
    for element in bounds.objects(list(elements) if isinstance(elements, Sequence) else None, depth):
        if element.get("type") in ("mrkdwn", "plain_text", "rich_text"):
            _say(element, found, bounds, depth + 1)
        elif element.get("type") == "image":
            _image(element, found, bounds, depth + 1)
        else:
            controls += _control(element, bounds, depth + 1)
    found.say(" ".join(f"[{control}]" for control in controls if control.strip()))


def _control(element: JsonObject, bounds: Bounds, depth: int) -> list[str]:
    """Return the visible labels of a control: a button's text, a menu's placeholder and selection, checkbox options."""
    if element.get("type") == "feedback_buttons":
        both = bounds.objects([element.get("positive_button"), element.get("negative_button")], depth)
        return [_text(button.get("text"), bounds) for button in both]
    labels = [_text(element.get(name), bounds) for name in ("text", "placeholder")]
    if element.get("type") in ("checkboxes", "radio_buttons"):
        for option in bounds.objects(element.get("options"), depth):
            labels += [_text(option.get(name), bounds) for name in ("text", "description")]
    chosen = [element.get("initial_option")]
    many = element.get("initial_options")
    if element.get("type") not in ("checkboxes", "radio_buttons"):
        chosen += list(many) if isinstance(many, list) else []
        labels += [_text(option.get("text"), bounds) for option in bounds.objects(chosen, depth)]
    known = [
        markup.half_escaped(bounds.text(element.get(name)))
        for name in ("initial_value", "initial_date", "initial_time", "title")
    ]
    return [label for label in [*labels, *known] if label]


def _one_control(element: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.say(" ".join(f"[{control}]" for control in _control(element, bounds, depth) if control.strip()))


def _image(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    title = _text(block.get("title"), bounds)
    described = markup.half_escaped(bounds.text(block.get("alt_text")))
    shown = " – ".join(dict.fromkeys(each for each in (title, described) if each.strip()))
    found.say(f"(image: {shown})" if shown else "(image)")


def _input(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.say(_text(block.get("label"), bounds))
    found.say(_text(block.get("hint"), bounds))
    _elements([block["element"]] if block.get("element") else (), found, bounds, depth)


def _markdown(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.say_markup(markup.from_markdown(bounds.text(block.get("text"))))


def _video(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    address = bounds.address(block.get("title_url") or block.get("video_url"))
    found.say(f"(video) {markup.link(address, bounds.text(mapping(block.get('title')).get('text')))}")
    for name in ("author_name", "provider_name", "description", "alt_text"):
        found.say(_text(block.get(name), bounds))


def _call(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    call = mapping(mapping(block.get("call")).get("v1") or block.get("call"))
    name = markup.escaped(bounds.text(call.get("name") or call.get("title")))
    found.say(f"(call) {name} {markup.link(bounds.address(call.get('join_url')))}".rstrip())


def _file(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    if section := files.read(mapping(block.get("file")), bounds):
        found.add(section)


def _table(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.say(tables.read(block, bounds, depth))


def _chart(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    found.say(charts.read(block, bounds, depth))


def _nothing(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    """Add nothing: a divider has no content."""


def _any(block: JsonObject, found: Collected, bounds: Bounds, depth: int) -> None:
    """Add every visible text of an object of an unknown type, including the objects in it."""
    for name in VISIBLE:
        value = block.get(name)
        if isinstance(value, str):
            found.say(markup.half_escaped(bounds.text(value)))
        for each in bounds.objects([value], depth) if isinstance(value, dict) else ():
            if isinstance(each.get("text"), str) or each.get("type") == "rich_text":
                _say(each, found, bounds, depth + 1)
            else:
                _any(each, found, bounds, depth + 1)
    for name, value in block.items():
        if name not in VISIBLE and name not in UNSEEN:
            for each in bounds.objects(_flat(value), depth):
                _READERS.get(str(each.get("type")), _any)(each, found, bounds, depth + 1)


def _flat(value: object) -> list[object]:
    """Return the objects in a value, including those in lists of lists, such as the cells of a table."""
    if isinstance(value, list):
        return [inner for each in value[:NODES] for inner in (each[:NODES] if isinstance(each, list) else [each])]
    return [value]


_READERS: dict[str, Callable[[JsonObject, Collected, Bounds, int], None]] = {
    "rich_text": _rich_text,
    "section": _section,
    "header": _header,
    "alert": _header,
    "context": _context,
    "actions": _context,
    "context_actions": _context,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "video": _video,
    "call": _call,
    "file": _file,
    "table": _table,
    "data_table": _table,
    "data_visualization": _chart,
    "divider": _nothing,
    "mrkdwn": _say,
    "plain_text": _say,
    **dict.fromkeys(("button", "icon_button", "workflow_button", "overflow", "feedback_buttons"), _one_control),
}
