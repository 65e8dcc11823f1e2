"""The arguments of a call as people read them: short ones first and in full, long ones as far as there is room. Pure.

They stand in rich_text elements only: Slack reads no markup there, so a value cannot forge a line, a mention or a
button (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.core.thread import Call
from bot.slack.blocks.parts import Block, bold, plain, preformatted, section, shown_code
from bot.slack.blocks.words import arguments_of, fields
from bot.slack.text import visible

CARD_LIMIT = 3_000
"""Characters of arguments and diff on a card, for one request."""
CARD_FIELDS = 25
SHORT = 150
"""A value of so many characters, on one line, is shown in full or not at all."""
LEAST = 200
"""Characters of a long value that are worth showing."""
MOST_NOTES = 3

_ORDER = ("path", "source", "destination", "oldText", "newText")
"""Names that are read in this order; others follow by the alphabet."""

_DIFFED = {"write_file": ("content",), "edit_file": ("edits",)}
"""The arguments of the filesystem server's tools that a diff shows."""


def diffed(call: Call) -> Collection[str]:
    """The names of the arguments that need not be shown beside a diff of the call."""
    return _DIFFED.get(call.remote_name, ()) if call.server == "filesystem" else ()


def readable(call: Call, without: Collection[str] = ()) -> list[tuple[str, str]]:
    """Every single value with its full name, every character of both visible, in the order in which they are read;
    `without` are arguments that are left out."""

    def place(item: tuple[str, str]) -> tuple[int, str, int, str]:
        name, value = item
        parent, _, last = name.rpartition(".")
        rank = _ORDER.index(last) if last in _ORDER else len(_ORDER)
        kind = 1 if parent or "[" in name else 0 if is_short(value) else 2
        return kind, parent, rank, name

    kept = {name: value for name, value in arguments_of(call).items() if name not in without}
    return sorted(((visible(name), visible(value)) for name, value in fields(kept) if name), key=place)


def on_card(values: Sequence[tuple[str, str]], budget: int = CARD_LIMIT) -> tuple[list[Block], list[str], int]:
    """The values for a card: its elements, for what is cut sentences that say so, and how many characters are left."""
    long = sum(not is_short(value) for _, value in values[:CARD_FIELDS])
    elements: list[Block] = []
    cut: list[str] = []
    count = 0
    for name, value in values[:CARD_FIELDS]:
        label = bold(name[:SHORT])
        if len(name) > SHORT:
            cut.append(f"A name is shown up to character {SHORT} of {len(name):,}.")
        budget -= min(len(name), SHORT)
        if is_short(value):
            if budget < len(value):
                break
            elements.append(section(label, plain("  "), shown_code(value)))
            budget -= len(value)
        else:
            share = budget // long
            if share < min(len(value), LEAST):
                break
            long -= 1
            if len(value) > share:
                cut.append(f"A value is shown up to character {share:,} of {len(value):,}.")
            elements += [section(label), preformatted(value[:share])]
            budget -= min(len(value), share)
        count += 1
    if len(cut) > MOST_NOTES:
        cut = [*cut[:MOST_NOTES], "Others are cut, too."]
    if count < len(values):
        cut.append(f"{len(values) - count:,} more arguments are not shown here.")
    return elements, cut, max(0, budget)


def diff_on_card(diff: str, budget: int) -> tuple[list[Block], list[str]]:
    """A diff for a card, cut at a line's end, or within a line that takes most of the room; and for what is cut a
    sentence that says so."""
    text = visible(diff)
    if len(text) <= budget:
        return [preformatted(text.removesuffix("\n"))], []
    cut = text.rfind("\n", budget // 2, budget + 1) + 1 or budget
    lines = len(text[cut:].splitlines())
    more = "1 more line of the change is" if lines == 1 else f"{lines:,} more lines of the change are"
    return [preformatted(text[:cut].removesuffix("\n"))], [f"{more} not shown here."]


def names(call: Call) -> list[str]:
    """The names of the arguments, and nothing of their values."""
    return sorted(arguments_of(call))


def is_short(value: str) -> bool:
    """Whether a value fits on one line."""
    return len(value) <= SHORT and "\n" not in value
