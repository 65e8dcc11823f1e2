"""Puts the blocks of a window on pages that stay within Slack's limits. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bot.slack.blocks.elements import VIEW_BLOCKS, VIEW_LIMIT, Block, remark

MAX_PAGES = 300
"""The last page that can be opened."""
AHEAD = 20
"""Pages after the current one that are still counted."""
_RESERVED = 5_000
"""Bytes of a window apart from its content."""

Turn = Callable[[int, str], Block]
"""Returns the button that opens a page. In: the page, from 0, and the label."""


@dataclass(frozen=True, slots=True)
class Page:
    """As much of some content as a window shows at a time."""

    blocks: list[Block]
    number: int
    """Which page it is, counted from 0."""
    last: int
    """The last page that is known to exist; only AHEAD pages after the current one are counted."""

    @property
    def label(self) -> str:
        """Which page it is, in words."""
        many = f"more than {self.last}" if self.last > self.number + AHEAD else f"{self.last + 1}"
        return f"Page {self.number + 1} of {many}"

    @property
    def has_more(self) -> bool:
        """Whether a later page can be opened."""
        return self.number < min(self.last, MAX_PAGES - 1)


def page_of(blocks: Iterable[Block], page: int) -> Page:
    """Return a page of the content of a window, counted from 0; one that does not exist gives the nearest one."""
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
    return Page(found, number, last)


def shown(blocks: Iterable[Block], page: int, turn: Turn) -> list[Block]:
    """Return the blocks of a page, counted from 0, with the buttons that open the pages before and after it."""
    current = page_of(blocks, page)
    found = list(current.blocks)
    if current.last:
        found.insert(0, remark(current.label))
    if current.number > 0:
        found.insert(0, turn(current.number - 1, "Previous page"))
    if current.has_more:
        found.append(turn(current.number + 1, "Next page"))
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
