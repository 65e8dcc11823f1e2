"""Reads charts as tables of their values (docs.slack.dev/reference/block-kit/blocks/data-visualization-block). Pure."""

from __future__ import annotations

from bot.core.json_text import JsonObject
from bot.core.untrusted import mapping
from bot.slack.reading import markup, tables
from bot.slack.reading.bounds import Bounds


def read(block: JsonObject, bounds: Bounds, depth: int) -> str:
    """Return a chart in markup: its title, the names of its axes, and a row for each label. Mentions in it do not
    count."""
    chart = mapping(block.get("chart"))
    axes = mapping(chart.get("axis_config"))
    names = [_text(axes.get(name), bounds) for name in ("x_label", "y_label")]
    series = [("", chart.get("segments"))] if "segments" in chart else []
    series += [
        (_text(each.get("name"), bounds), each.get("data")) for each in bounds.objects(chart.get("series"), depth)
    ]
    values: dict[str, dict[int, str]] = {}
    for column, (_, points) in enumerate(series):
        for point in bounds.objects(points, depth + 1):
            values.setdefault(_text(point.get("label"), bounds), {})[column] = tables.number(point.get("value"))
    rows = [[label, *(found.get(column, "") for column in range(len(series)))] for label, found in values.items()]
    # Where the columns have names, the name of their axis stands beside the title.
    named = any(name for name, _ in series)
    header = [names[0], *(name or names[1] for name, _ in series)]
    about = f"(chart) {_text(block.get('title'), bounds)}".rstrip()
    about += f" – {names[1]}" if named and names[1] else ""
    shown = any(map(any, rows))
    return tables.drawn([header if any(header) else ["label", "value"], *rows] if shown else [], about)


def _text(value: object, bounds: Bounds) -> str:
    return tables.cell_text(markup.escaped(bounds.line(value)))
