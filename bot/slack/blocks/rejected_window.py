"""Shows what a person entered in a window that was refused, so that it can be copied. Pure.

The window comes back from Slack and is untrusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, text
from bot.slack.blocks.elements import (
    CHUNK,
    VIEW_BLOCKS,
    VIEW_LIMIT,
    Block,
    bold,
    modal,
    one_line,
    plain,
    preformatted,
    rich,
    section,
)
from bot.slack.text import sendable

MAX_BLOCKS = 100
MAX_WORDS_CHARS = 2_900


def not_done(words: str, view: Mapping[str, Any]) -> JsonObject | None:
    """Return a window that says why nothing was done and shows what was entered; None if that does not fit into a
    window.

    words: the reason, in mrkdwn.
    """
    blocks: list[Block] = [{"type": "section", "text": {"type": "mrkdwn", "text": words[:MAX_WORDS_CHARS]}}]
    for number, (label, entry) in enumerate(entries(view)):
        if not number:
            blocks.append(rich(section(plain("You had entered the following. Copy what you need:"))))
        first = [section(bold(label))]
        for start in range(0, len(entry), CHUNK):
            blocks.append(rich(*first, preformatted(entry[start : start + CHUNK])))
            first = []
        if len(blocks) > VIEW_BLOCKS:
            return None
    made = modal("Not done", blocks)
    return made if len(json.dumps(made)) <= VIEW_LIMIT else None


def entries(view: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the label and content of each field that the person has changed and not left empty."""
    blocks = [mapping(block) for block in items(view.get("blocks"))[:MAX_BLOCKS]]
    drawn = {str(block.get("block_id")): block for block in blocks}
    state = mapping(mapping(view.get("state")).get("values"))
    for block_id in [*drawn, *(name for name in state if name not in drawn)][: 2 * MAX_BLOCKS]:
        block = drawn.get(block_id, {})
        element = mapping(block.get("element"))
        now = next(filter(None, map(_content, map(mapping, mapping(state.get(block_id)).values()))), "")
        if now and now != _content(element, initial=True):
            label = one_line(text(mapping(block.get("label")).get("text")), 150)
            yield label or "Entry", sendable(now)


def _content(holder: JsonObject, *, initial: bool = False) -> str:
    """Return the content of a field, or its initial content."""
    for name in ("value", "option", "options", "date", "date_time", "time"):
        before = f"initial_{name}"
        key = before if initial else "value" if name == "value" else f"selected_{name}"
        found = holder.get(key)
        if isinstance(found, str):
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        if isinstance(found, dict):
            return _option(found)
        if isinstance(found, list):
            return ", ".join(map(_option, found[:MAX_BLOCKS]))
    return ""


def _option(option: object) -> str:
    return text(mapping(mapping(option).get("text")).get("text"))
