"""Finds code blocks and tables in Markdown. Pure.

Follows CommonMark (https://spec.commonmark.org/0.31.2) and GitHub's tables (https://github.github.com/gfm), as far as
needed to know where a text may be cut and what in it is code.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_OPENING = re.compile(
    r"^([ \t>]*)((?:[-*+]|\d{1,9}[.)])[ \t]+)?(?:(`{3,40})(?!`)([^`\n]*)|(~{3,40})(?!~)([^\n]*))$", re.M
)
_ALIGNMENT = re.compile(r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$", re.M)
_UNQUOTED = re.compile(r"^[ \t]*(?:[^ \t>]|$)", re.M)
MAX_BLOCKS = 2_000
"""Code blocks that are recognized in one text."""
_INFO = 80
"""Characters of a fence's language that are repeated."""


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced code block. Positions are those of line starts."""

    start: int
    """The fence that opens it."""
    inside: int
    """Its first line."""
    close: int
    """The fence that closes it; the end of the text if there is none."""
    end: int
    """The line after it."""
    opening: str
    """The fence that opens it again in the next message."""
    closing: str
    """The fence that closes it."""


def code_blocks(text: str) -> list[CodeBlock]:
    """Return the fenced code blocks of a text, in order."""
    found: list[CodeBlock] = []
    at = 0
    if "```" not in text and "~~~" not in text:
        return found
    while (match := _OPENING.search(text, at)) is not None:
        prefix, item, ticks, language, tildes, info = match.groups("")
        marks = ticks or tildes
        quote = "> " * min(prefix.count(">"), 8)
        inside = min(match.end() + 1, len(text))
        closed = _closing(marks, quoted=bool(quote)).search(text, inside) if inside < len(text) else None
        close, end = (closed.start(), min(closed.end() + 1, len(text))) if closed else (len(text), len(text))
        if quote and (after := _UNQUOTED.search(text, inside)) and after.start() < close:
            close = end = after.start()
        indent = quote or " " * min(len(prefix + item), 40)
        opening = quote + marks + (language or info)[:_INFO]
        found.append(CodeBlock(match.start(), inside, close, end, opening, indent + marks))
        if end >= len(text) or len(found) >= MAX_BLOCKS:
            break
        at = end
    return found


@lru_cache(maxsize=100)
def _closing(marks: str, *, quoted: bool) -> re.Pattern[str]:
    return re.compile(rf"^[ \t{'>' if quoted else ''}]*{re.escape(marks)}{re.escape(marks[0])}*[ \t]*$", re.M)


def enclosing(blocks: Sequence[CodeBlock], at: int) -> CodeBlock | None:
    """Return the code block that is open at a position, if there is one."""
    index = bisect_right(blocks, at, key=lambda block: block.start) - 1
    return blocks[index] if index >= 0 and blocks[index].start < at < blocks[index].end else None


def table_head(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where the header and the alignment row of a table between two line starts begin and end."""
    at = start
    while (match := _ALIGNMENT.search(text, at, end)) is not None:
        header = text.rfind("\n", start, max(match.start() - 1, start)) + 1 or start
        if "|" in match[0] and header < match.start() and "|" in text[header : match.start()]:
            return header, min(match.end() + 1, len(text))
        at = match.end() + 1
        if at > end:
            return None
    return None
