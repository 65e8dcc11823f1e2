"""Reads table blocks as Markdown tables (docs.slack.dev/reference/block-kit/blocks/table-block). Pure."""

from __future__ import annotations

import re

from bot.core.json_text import JsonObject
from bot.core.untrusted import items
from bot.slack.reading import markup, rich_text
from bot.slack.reading.bounds import NODES, Bounds
from bot.slack.reading.content import texts

_ENTITY = re.compile(r"(<[^<>|]*\|?)|\|")
_BLANKS = re.compile(r"\s+")


def read(block: JsonObject, bounds: Bounds, depth: int) -> str:
    """Return a table in markup, with its first row as the header; empty if it has no cells. Mentions in it do not
    count."""
    raw = [items(row) for row in items(block.get("rows"))[: NODES + 1]]
    rows = [[_cell(cell, bounds, depth + 1) for cell in bounds.objects(row, depth)] for row in raw if row]
    rows = [row for row in rows if any(row)]
    caption = markup.escaped(bounds.line(block.get("caption")))
    if not rows:
        return caption
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join([caption, *lines] if caption else lines)


def _cell(cell: JsonObject, bounds: Bounds, depth: int) -> str:
    kind = cell.get("type")
    if kind == "rich_text" or "elements" in cell:
        found = " ".join(texts(rich_text.read(cell, bounds, depth).parts))
    else:
        value = cell.get("text")
        if value is None and isinstance(number := cell.get("value"), int | float) and not isinstance(number, bool):
            value = f"{number:.15g}" if abs(number) < 1e300 else ""
        found = markup.escaped(bounds.text(value))
    # A bar would end the cell, except the first one of an entity, which separates the URL from the label.
    return _BLANKS.sub(" ", _ENTITY.sub(lambda match: match[1] or "\\|", found)).strip()
