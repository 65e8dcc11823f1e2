"""Splits long Markdown into pieces that Slack accepts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.slack.blocks.markdown import HEADING, ITEM, CodeBlock, code_blocks, enclosing, table_head

MAX_CHARS = 150_000
"""Characters of one text that are shown, which make about a dozen messages."""
RESERVE = 100
"""Characters of a piece that are reserved for a fence that closes a code block."""
MAX_LOOKED_AT = 50
"""Line starts that are examined for one cut."""

_NEVER, _INSIDE, _POOR, _FAIR, _GOOD = range(5)
"""How good a place is for a cut: never, if it can be avoided; inside a code block or a table; where it changes how the
rest is parsed; between lines; between blocks."""
_UNDERLINE = re.compile(r"[ \t>]*(?:=+|-+)[ \t]*$")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text. The bodies of all parts together are the text, apart from empty lines."""

    before: str
    """What is repeated from the text before: the fence of a code block, or the header of a table."""
    body: str
    after: str
    """The fence that closes a code block."""
    end: int = field(default=0, compare=False)
    """Where the body ends in the text."""

    @property
    def text(self) -> str:
        """The piece as it is shown."""
        body = self.body if not self.after or self.body.endswith("\n") else f"{self.body}\n"
        return f"{self.before}{body}{self.after}".strip("\n")


def split(text: str, limit: int) -> list[str]:
    """Return Markdown in pieces of at most `limit` characters (at least 400)."""
    return [part.text for part in parts(bounded(text), limit)]


def parts(text: str, limit: int, first: int = 0, cuts: Sequence[int] = ()) -> Iterator[Part]:
    """Yield the pieces of a text, of at most `limit` characters each (at least 400).

    first: the limit of the first piece, if it is another one (at least 400). cuts: where the first pieces end, whatever
    would be chosen; what follows is the same as if the text were longer only behind it.

    Cuts between blocks if possible. A code block that is cut is closed and opened again with its language, and a table
    that is cut repeats its header. A line that is longer than a piece is cut between words, or anywhere.
    """
    blocks = code_blocks(text)
    at, before, head = 0, "", ""
    fixed, room = [cut for cut in cuts if cut < len(text)], first or limit
    while fixed or len(text) - at + len(before) > room:
        cutter = _Cutter(text, blocks, at, head)
        reserve = RESERVE if blocks and blocks[0].start < at + room else 0
        cut = fixed.pop(0) if fixed else cutter.cut(at + room - len(before) - reserve)
        block = enclosing(blocks, cut)
        if text[at:cut].strip():
            yield Part(before, text[at:cut], block.closing if block else "", cut)
            room = limit
        head = "" if block else cutter.head(cut)
        before = f"{block.opening}\n" if block else head if _fits(text, cut, head, limit) else ""
        at = cut
    if text[at:].strip():
        yield Part(before, text[at:], "", len(text))


def last_place(text: str, start: int) -> int:
    """Return the best place for a piece to end, in the second half of the text after `start`."""
    return _Cutter(text, code_blocks(text), start, "").cut(len(text))


def bounded(text: str) -> str:
    """Return a text, truncated to MAX_CHARS with a note on the rest."""
    return (
        text
        if len(text) <= MAX_CHARS + 100
        else f"{text[:MAX_CHARS]}\n\n[… {len(text) - MAX_CHARS:,} more characters, left out …]"
    )


def _fits(text: str, cut: int, head: str, limit: int) -> bool:
    """Return whether a table's header is to be repeated before the row that begins here."""
    room = limit - RESERVE - len(head)
    whole = cut + room >= len(text) or text.find("\n", cut, cut + room) >= 0
    return whole and text[cut - 1] == "\n" and len(head) <= limit // 4


class _Cutter:
    """Finds where one piece ends."""

    def __init__(self, text: str, blocks: list[CodeBlock], at: int, head: str) -> None:
        """`at`: where the piece begins. `head`: the header of the table in which it begins."""
        self._text = text
        self._blocks = blocks
        self._at = at
        self._head = head
        self._tables: dict[int, tuple[int, int] | None] = {}

    def cut(self, end: int) -> int:
        """Return the end of a piece that may extend to `end`: the last of the best places in its second half."""
        text, at = self._text, self._at
        middle = at + (end - at) // 2
        place = text.rfind("\n", at, end) + 1
        best, found = -1, 0
        for _ in range(MAX_LOOKED_AT):
            if place <= at or (place <= middle and best > _NEVER):
                break
            block = enclosing(self._blocks, place)
            quality = self._quality_in_code(block, place) if block else self._quality(place)
            if quality > best:
                best, found = quality, place
            if best == _GOOD:
                break
            if quality == _INSIDE:  # then the next place that may be better is where the block or table begins
                place = (block.start if block else self._table_start(place)) + 1
            place = text.rfind("\n", at, place - 1) + 1
        last = max(text.rfind("\n", at, end) + 1, at)
        too_long = last + end - at < len(text) and text.find("\n", end, last + end - at) < 0
        if found <= at or (too_long and found < middle):
            return text.rfind(" ", middle, end) + 1 or end
        return found

    def head(self, place: int) -> str:
        """Return the header of the table whose row begins here; empty if there is none."""
        start = self._block(place)
        if start <= self._at and self._head:
            return self._head
        table = self._table(start, place)
        return self._text[table[0] : table[1]] if table and place > table[1] else ""

    def _table_start(self, place: int) -> int:
        table = self._table(self._block(place), place)
        return table[0] if table else self._at

    def _block(self, place: int) -> int:
        """Return where the block of this line begins: after an empty line."""
        empty = self._text.rfind("\n\n", self._at, place)
        return empty + 2 if empty >= 0 else self._at

    def _table(self, start: int, place: int) -> tuple[int, int] | None:
        if start not in self._tables:
            self._tables[start] = table_head(
                self._text, start, (self._text.find("\n", place, place + 2_000) + 1) or place
            )
        return self._tables[start]

    def _line(self, place: int) -> str:
        end = self._text.find("\n", place, place + 2_000)
        return self._text[place : end if end >= 0 else place + 2_000]

    def _quality_in_code(self, block: CodeBlock, place: int) -> int:
        return _NEVER if place in (block.inside, block.close) else _INSIDE

    def _quality(self, place: int) -> int:  # noqa: PLR0911  # a table of rules, in order
        """Return how good it is to cut before the line that begins here, outside code blocks."""
        line = self._line(place)
        last = self._line(self._text.rfind("\n", self._at, place - 1) + 1 or self._at)
        if not line.strip():
            return _POOR
        if line.startswith(">") and last.startswith(">"):
            return _FAIR
        if "|" in line:
            start = self._block(place)
            table = self._table(start, place)
            if table and table[0] < place <= table[1]:
                return _NEVER
            if (table and place > table[1]) or (start <= self._at and self._head):
                return _INSIDE
        if last.strip() and _UNDERLINE.match(line):
            return _NEVER
        if self._below_heading(place) or line.startswith(("    ", "\t")):
            return _POOR  # what is indented would become code
        if line.startswith(" "):
            return _FAIR if not last.strip() or ITEM.match(line) else _POOR
        if not last.strip() or ITEM.match(line) or HEADING.match(line) or line.startswith(("```", "~~~")):
            return _GOOD
        if line.startswith(">"):
            return _GOOD
        return _POOR if last.startswith(">") or ITEM.match(last) else _FAIR

    def _below_heading(self, place: int) -> bool:
        """Return whether a cut here would separate a heading from its text."""
        end = place
        while end > max(self._at, place - 4) and self._text[end - 1] == "\n":
            end -= 1
        last = self._line(self._text.rfind("\n", self._at, end) + 1 or self._at)
        return bool(HEADING.match(last) or (_UNDERLINE.match(last) and "=" in last))
