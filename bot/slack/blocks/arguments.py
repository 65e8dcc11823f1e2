"""Formats the arguments of a call for people: short values first and in full, long ones as far as there is room. Pure.

Arguments are shown in rich_text elements only, in which Slack interprets no markup, so a value cannot forge a line, a
mention or a button (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.core.calls import Call
from bot.core.tool_words import tool_title
from bot.core.tools import Preview
from bot.slack.blocks.call_text import arguments_of, fields, is_single, ordered
from bot.slack.blocks.call_text import plain as written
from bot.slack.blocks.elements import Block, bold, fitting, plain, preformatted, section, shown_code
from bot.slack.text import visible

CARD_LIMIT = 3_000
"""Characters of the arguments and the diff of one request on a card."""
CARD_FIELDS = 25
SHORT = 150
"""A value of up to this many characters, on one line, is shown in full or not at all."""
MIN_SHARE = 200
"""The smallest part of a long value that is worth showing, in characters."""
MAX_NOTES = 3
MAX_COUNTED = 1_000
"""Arguments that are counted without being shown."""
LABELLED = 100
"""Arguments that are called by readable names: more than a card shows."""
NAME = 60
"""Characters of a readable name."""
MAX_ITEMS = 20
"""Items of a list that are shown on one line."""
DIFF = "diff"
_LABELLED = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a card, with what it is called there."""

    label: str
    values: Sequence[str]
    """Several for the items of a short list."""

    @property
    def is_short(self) -> bool:
        """Whether it fits on one line with every character visible."""
        return len(self.values) != 1 or is_short(self.values[0])


def readable(call: Call, preview: Preview | None = None) -> Iterator[tuple[str, str]]:
    """Yield each single value with its full name, in the order of display: short values, nested ones, long ones.
    Paths that the preview knows are shown as it shows them. Values are yielded lazily."""
    given = arguments_of(call)
    names = _names(given, preview, ())

    def those(*, single: bool) -> Iterator[tuple[str, str]]:
        chosen = (name for name in names if is_single(given[name]) is single)
        return (found for name in chosen for found in fields({name: given[name]}))

    paths = preview.paths if preview else {}
    yield from _shown((found for found in those(single=True) if is_short(found[1])), paths)
    yield from _shown(those(single=False), paths)
    yield from _shown((found for found in those(single=True) if not is_short(found[1])), paths)


def for_card(call: Call, preview: Preview | None = None) -> Iterator[Field]:
    """Yield the values for a card: those that its heading and its diff do not show, lists of a few short values on one
    line. Values are yielded lazily."""
    given = arguments_of(call)
    names = _names(given, preview, preview.shown if preview else ())
    paths = preview.paths if preview else {}
    labels = _labels(names[:LABELLED])
    later: list[str] = []
    for name in names:
        values = _on_one_line(given[name], paths)
        if values:
            yield Field(labels.get(name) or next(fields({name: 0}))[0], values)
        else:
            later.append(name)
    for single in (False, True):
        chosen = (name for name in later if is_single(given[name]) is single)
        found = (each for name in chosen for each in fields({name: given[name]}))
        yield from (Field(labels.get(name, name), (value,)) for name, value in _shown(found, paths))


def _names(given: Mapping[str, object], preview: Preview | None, without: Collection[str]) -> list[str]:
    first = [name for name in (preview.order if preview else ()) if name in given]
    names = [*first, *(name for name in ordered(given) if name not in set(first))]
    return [name for name in names if name not in without]


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Return what the arguments are called: readable names, unless two of them would be called the same."""
    said = {name: tool_title("", name) for name in names if len(name) < NAME and _LABELLED.fullmatch(name)}
    times = Counter(label.casefold() for label in said.values())
    return {name: label if times[label.casefold()] == 1 else name for name, label in said.items()}


def _on_one_line(value: object, paths: Mapping[str, str]) -> Sequence[str]:
    """Return the values that are shown on one line; none if they do not fit."""
    if not is_single(value):
        if not isinstance(value, list) or len(value) > MAX_ITEMS or not all(map(is_single, value)):
            return ()
        items = [_written(item, paths) for item in value]
        return items if sum(map(len, items)) <= SHORT and is_short("".join(items)) else ()
    text = _written(value, paths)
    return (text,) if is_short(text) else ()


def _written(value: object, paths: Mapping[str, str]) -> str:
    return written(paths.get(value, value) if isinstance(value, str) else value)


def _shown(found: Iterator[tuple[str, str]], paths: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, paths.get(value, value)) for name, value in found)


def on_card(values: Iterator[Field], budget: int = CARD_LIMIT) -> tuple[list[Block], list[str], int]:
    """Return the elements for a card, one sentence for each part that was cut, and the number of characters left."""
    first = list(islice(values, CARD_FIELDS))
    long = sum(not field.is_short for field in first)
    elements: list[Block] = []
    cut: list[str] = []
    count = 0
    for field in first:
        called, named = fitting(field.label, SHORT)
        label = bold(f"{called}:")
        if named < len(field.label):
            cut.append(f"A name is shown up to character {named} of {len(field.label):,}.")
        budget -= len(called)
        if field.is_short:
            shown = [visible(value) for value in field.values]
            size = sum(map(len, shown))
            if budget < size:
                break
            listed = [part for value in shown for part in (plain(", "), shown_code(value))][1:]
            elements.append(section(label, plain(" "), *listed))
        else:
            value = field.values[0]
            share = budget // long
            box, length = fitting(value, max(0, share))
            if length < len(value) and share < MIN_SHARE:
                break
            long -= 1
            if length < len(value):
                cut.append(f"A value is shown up to character {length:,} of {len(value):,}.")
            elements += [section(label), preformatted(box)]
            size = len(box)
        budget -= size
        count += 1
    if len(cut) > MAX_NOTES:
        cut = [*cut[:MAX_NOTES], "Others are cut, too."]
    left = len(first) - count + sum(1 for _ in islice(values, MAX_COUNTED))
    if left >= MAX_COUNTED:
        cut.append(f"More than {MAX_COUNTED:,} other values are not shown here.")
    elif left:
        cut.append(f"{left:,} more {'value is' if left == 1 else 'values are'} not shown here.")
    return elements, cut, max(0, budget)


def diff_on_card(diff: str, budget: int) -> tuple[list[Block], list[str]]:
    """Return a diff for a card, and a sentence if it was cut: at the end of a line, or within a line that takes up most
    of the room."""
    shown, length = fitting(diff, budget)
    if length == len(diff):
        return [preformatted(shown.removesuffix("\n"), DIFF)], []
    if diff[length] != "\n" and (end := shown.rfind("\n", budget // 2)) >= 0:
        shown, length = shown[:end], diff.rfind("\n", 0, length)
    rest = diff[length:].removeprefix("\n")
    lines = rest.count("\n") + (not rest.endswith("\n"))
    more = "1 more line of the change is" if lines == 1 else f"{lines:,} more lines of the change are"
    return [preformatted(shown.removesuffix("\n"), DIFF)], [f"{more} not shown here."]


def fitting_lines(diff: str, limit: int) -> tuple[str, bool]:
    """Return those lines at the beginning of a diff that fit, and whether there are more."""
    shown, length = fitting(diff, limit)
    whole = length == len(diff)
    return (shown if whole else shown[: shown.rfind("\n") + 1]).removesuffix("\n"), not whole


def names(call: Call) -> list[str]:
    """Return the names of the arguments, without their values."""
    return sorted(arguments_of(call))


def is_short(value: str) -> bool:
    """Return whether a value fits on one line with every character visible."""
    return len(value) <= SHORT and "\n" not in value and len(visible(value)) <= SHORT
