"""Puts the blocks of a window on pages that stay within Slack's limits. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from bot.slack.blocks.elements import VIEW_BLOCKS, VIEW_LIMIT, Block, remark

MAX_PAGES = 300
"""The last page that can be opened."""
AHEAD = 20
"""Pages after the current one that are still counted."""
_RESERVED = 5_000
"""Bytes of a window apart from its content."""

Turn = Callable[[int, str], Block]
"""Returns the button that opens a page. In: the page, from 0, and the label."""


def shown(blocks: Iterable[Block], page: int, turn: Turn) -> list[Block]:
    """Return the blocks of a page, counted from 0, with what turns to the others; a page that does not exist gives the
    nearest one."""
    found: list[Block] = []
    page = min(max(page, 0), MAX_PAGES - 1)
    number = last = 0
    for at, block in paged(blocks):
        last = at
        if at > page + AHEAD:
            break
        if at > number and at <= page:
            number, found = at, []
        if at == number:
            found.append(block)
    if last:
        many = f"more than {last}" if last > number + AHEAD else f"{last + 1}"
        found.insert(0, remark(f"Page {number + 1} of {many}"))
    if number > 0:
        found.insert(0, turn(number - 1, "Previous page"))
    if number < min(last, MAX_PAGES - 1):
        found.append(turn(number + 1, "Next page"))
    return found


def paged(blocks: Iterable[Block]) -> Iterator[tuple[int, Block]]:
    """Yield blocks, each with its page."""
    page = count = used = 0
    for block in blocks:
        weight = len(json.dumps(block))
        if count and (used + weight > VIEW_LIMIT - _RESERVED or count >= VIEW_BLOCKS - 5):
            page, count, used = page + 1, 0, 0
        yield page, block
        count, used = count + 1, used + weight
