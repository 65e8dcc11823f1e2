"""The arguments of a call as people read them: short ones first and in full, long ones as far as there is room. Pure.

They stand in rich_text elements only: Slack reads no markup there, so a value cannot forge a line, a mention or a
button (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
"""

from __future__ import annotations

import json
from typing import Any

from bot.core.calls import JsonObject
from bot.core.thread import Call
from bot.slack.blocks.words import arguments_of, fields
from bot.slack.text import visible

Block = dict[str, Any]

CARD_LIMIT = 2_500
"""Characters of long values on a card, all together."""
CARD_FIELDS = 25
SHORT = 150
"""A value of so many characters, on one line, is always shown in full."""
CHUNK = 2_900
VIEW_LIMIT = 200_000
"""Bytes of a modal, below Slack's 250 kB."""
VIEW_BLOCKS = 95

_ORDER = ("path", "source", "destination", "oldText", "newText")
"""Names that are read in this order; others follow by the alphabet."""


def readable(call: Call) -> list[tuple[str, str]]:
    """Every single value with its full name, every character of both visible, in the order in which they are read."""

    def place(item: tuple[str, str]) -> tuple[int, str, int, str]:
        name, value = item
        parent, _, last = name.rpartition(".")
        rank = _ORDER.index(last) if last in _ORDER else len(_ORDER)
        kind = 1 if parent or "[" in name else 0 if _is_short(value) else 2
        return kind, parent, rank, name

    values = [(visible(name), visible(value)) for name, value in fields(arguments_of(call)) if name]
    return sorted(values, key=place)


def on_card(call: Call) -> tuple[list[Block], list[str]]:
    """The values for a card, and for each that is cut a sentence that says so."""
    values = readable(call)
    long = sum(not _is_short(value) for _, value in values[:CARD_FIELDS])
    share = CARD_LIMIT // long if long else CARD_LIMIT
    elements: list[Block] = []
    cut: list[str] = []
    for name, value in values[:CARD_FIELDS]:
        if len(name) > SHORT:
            cut.append(f"A name is shown up to character {SHORT} of {len(name):,}.")
        label: Block = {"type": "text", "text": name[:SHORT], "style": {"bold": True}}
        if _is_short(value):
            shown: Block = {"type": "text", "text": value or " ", "style": {"code": True}}
            elements.append(section(label, {"type": "text", "text": "  "}, shown))
            continue
        if len(value) > share:
            cut.append(f"{name[:60]} is shown up to character {share:,} of {len(value):,}.")
        elements += [section(label), _preformatted(value[:share])]
    if len(values) > CARD_FIELDS:
        cut.append(f"{len(values) - CARD_FIELDS} more arguments are not shown here.")
    return elements, cut


def window(call: Call) -> JsonObject | None:
    """The modal with everything in full; None when Slack would not take it."""
    blocks: list[Block] = []
    for name, value in readable(call):
        if len(name) > CHUNK:
            return None
        label: Block = {"type": "text", "text": name, "style": {"bold": True}}
        first, *rest = _pieces(value)
        blocks.append({"type": "rich_text", "elements": [section(label), _preformatted(first)]})
        blocks += [{"type": "rich_text", "elements": [_preformatted(piece)]} for piece in rest]
    view = modal(blocks)
    return None if len(blocks) > VIEW_BLOCKS or len(json.dumps(view)) > VIEW_LIMIT else view


def in_a_file(call: Call) -> str:
    """Everything in full, for a file."""
    return "\n\n".join(f"{name}:\n{value}" for name, value in readable(call))


def modal(blocks: list[Block]) -> JsonObject:
    """A window that only shows something."""
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Arguments in full"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks or [{"type": "section", "text": {"type": "plain_text", "text": "No arguments."}}],
    }


def section(*elements: Block) -> Block:
    """A paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(elements)}


def _is_short(value: str) -> bool:
    return len(value) <= SHORT and "\n" not in value


def _pieces(value: str) -> list[str]:
    """The value in pieces that a block takes, cut at line ends where there are some."""
    pieces: list[str] = []
    while len(value) > CHUNK:
        cut = value.rfind("\n", CHUNK // 2, CHUNK) + 1 or CHUNK
        pieces.append(value[:cut])
        value = value[cut:]
    return [*pieces, value or " "]


def _preformatted(text: str) -> Block:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text or " "}]}
