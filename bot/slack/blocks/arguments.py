"""Formats the arguments of a call for people: short values first and in full, long ones as far as there is room. Pure.

Arguments are shown in rich_text elements only, in which Slack interprets no markup, so a value cannot forge a line, a
mention or a button (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from bot.core.calls import Call
from bot.slack.blocks.call_text import arguments_of, fields, is_single, ordered
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


def readable(call: Call, without: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield each single value with its full name, in the order of display: short values, nested ones, long ones.
    `without` names arguments to leave out. Values are yielded lazily."""
    given = arguments_of(call)
    names = [name for name in ordered(given) if name not in without]

    def those(*, single: bool) -> Iterator[tuple[str, str]]:
        chosen = (name for name in names if is_single(given[name]) is single)
        return (found for name in chosen for found in fields({name: given[name]}))

    yield from (found for found in those(single=True) if is_short(found[1]))
    yield from those(single=False)
    yield from (found for found in those(single=True) if not is_short(found[1]))


def on_card(values: Iterator[tuple[str, str]], budget: int = CARD_LIMIT) -> tuple[list[Block], list[str], int]:
    """Return the elements for a card, one sentence for each part that was cut, and the number of characters left."""
    first = list(islice(values, CARD_FIELDS))
    long = sum(not is_short(value) for _, value in first)
    elements: list[Block] = []
    cut: list[str] = []
    count = 0
    for name, value in first:
        called, named = fitting(name, SHORT)
        label = bold(called)
        if named < len(name):
            cut.append(f"A name is shown up to character {named} of {len(name):,}.")
        budget -= len(called)
        if is_short(value):
            shown = visible(value)
            if budget < len(shown):
                break
            elements.append(section(label, plain("  "), shown_code(shown)))
        else:
            share = budget // long
            shown, length = fitting(value, max(0, share))
            if length < len(value) and share < MIN_SHARE:
                break
            long -= 1
            if length < len(value):
                cut.append(f"A value is shown up to character {length:,} of {len(value):,}.")
            elements += [section(label), preformatted(shown)]
        budget -= len(shown)
        count += 1
    if len(cut) > MAX_NOTES:
        cut = [*cut[:MAX_NOTES], "Others are cut, too."]
    left = len(first) - count + sum(1 for _ in islice(values, MAX_COUNTED))
    if left >= MAX_COUNTED:
        cut.append(f"More than {MAX_COUNTED:,} other arguments are not shown here.")
    elif left:
        cut.append(f"{left:,} more arguments are not shown here.")
    return elements, cut, max(0, budget)


def diff_on_card(diff: str, budget: int) -> tuple[list[Block], list[str]]:
    """Return a diff for a card, and a sentence if it was cut: at the end of a line, or within a line that takes up most
    of the room."""
    shown, length = fitting(diff, budget)
    if length == len(diff):
        return [preformatted(shown.removesuffix("\n"))], []
    if diff[length] != "\n" and (end := shown.rfind("\n", budget // 2)) >= 0:
        shown, length = shown[:end], diff.rfind("\n", 0, length)
    rest = diff[length:].removeprefix("\n")
    lines = rest.count("\n") + (not rest.endswith("\n"))
    more = "1 more line of the change is" if lines == 1 else f"{lines:,} more lines of the change are"
    return [preformatted(shown.removesuffix("\n"))], [f"{more} not shown here."]


def names(call: Call) -> list[str]:
    """Return the names of the arguments, without their values."""
    return sorted(arguments_of(call))


def is_short(value: str) -> bool:
    """Return whether a value fits on one line with every character visible."""
    return len(value) <= SHORT and "\n" not in value and len(visible(value)) <= SHORT
