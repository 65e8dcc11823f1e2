"""Reads table blocks as Markdown tables (docs.slack.dev/reference/block-kit/blocks/table-block, …/data-table-block).
Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping
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
    return drawn(rows, markup.escaped(bounds.line(block.get("caption"))))


def drawn(cells: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table in markup from its cells, in markup without line breaks; rows without text are left out."""
    rows = [[*row] for row in cells if any(row)]
    if not rows:
        return caption
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join([caption, *lines] if caption else lines)


def number(value: object) -> str:
    """Return a number as text; empty for anything else."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return f"{value:.15g}" if known else ""


def _cell(cell: JsonObject, bounds: Bounds, depth: int) -> str:
    kind = cell.get("type")
    if kind == "rich_text" or "elements" in cell:
        return cell_text(" ".join(texts(rich_text.read(cell, bounds, depth).parts)))
    button = mapping(mapping(cell.get("element")).get("text")).get("text")
    if button:
        return cell_text(f"[{markup.half_escaped(bounds.text(button))}]")
    value = cell.get("text")
    return cell_text(markup.escaped(bounds.text(number(cell.get("value")) if value is None else value)))


def cell_text(found: str) -> str:
    """Return markup as it stands in a cell: on one line."""
    # A bar would end the cell, except the first one of an entity, which separates the URL from the label.
    return _BLANKS.sub(" ", _ENTITY.sub(lambda match: match[1] or "\\|", found)).strip()
