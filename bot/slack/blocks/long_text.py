"""Splits a text into the fields of a form, and joins it again without losing a character. Pure.

Slack documents that a text field takes 3,000 characters
(https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element), but nothing about white space
around a text or about line endings, which browsers turn into LF
(https://html.spec.whatwg.org/multipage/form-elements.html#concept-textarea-api-value). Differences in these alone are
therefore ignored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from bot.slack.text import sendable

MAX_CHARS: Final = 3_000
"""Characters of a field, counted as UTF-16 code units as browsers do."""
PIECE: Final = 2_400
"""Characters of each field of a text that needs several, which leaves room for additions."""
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
"""Characters of two UTF-16 code units."""
_BREAK = re.compile(r"\r\n|\r|\n")


def shown(text: str) -> str:
    """Return a text as a form shows it: with LF as line ending, and without lone surrogates."""
    return _BREAK.sub("\n", sendable(text))


def width(text: str) -> int:
    """Return the number of UTF-16 code units of a text, as browsers count them."""
    return len(text) if text.isascii() else len(text) + len(_ASTRAL.findall(text))


def cut(text: str) -> list[tuple[str, str]]:
    """Return a text as pieces that each fit into a field, with the line break after each ("" for none)."""
    if width(text) <= MAX_CHARS:
        return [(text, "")]
    pieces: list[tuple[str, str]] = []
    start = 0
    while start < len(text):
        end = start + PIECE
        if width(text[start:end]) > MAX_CHARS:
            end = start + MAX_CHARS // 2
        if end >= len(text):
            pieces.append((text[start:], ""))
            break
        # A line break at the end of a text stays with its last line.
        found = text.rfind("\n", start + 1, end)
        if found > start and found + 1 < len(text):
            first = found - 1 if text[found - 1] == "\r" and found - 1 > start else found
            pieces.append((text[start:first], text[first : found + 1]))
            start = found + 1
            continue
        end -= text[end - 1] == "\r"  # no line ending is cut in two
        pieces.append((text[start:end], ""))
        start = end
    return pieces


def joined(pieces: Sequence[tuple[str, str]], typed: Sequence[str]) -> str:
    """Return the text of the submitted pieces. A piece that was emptied is removed with its line break."""
    parts: list[str] = []
    for (before, separator), now in zip(pieces, typed, strict=True):
        after = restored(before, now)
        parts += [after, separator if after or not before else ""]
    return "".join(parts)


def restored(before: str, typed: str) -> str:
    """Return a submitted text, with what a form cannot carry taken from the text before: white space around it if none
    came back, line endings, and lone surrogates in unchanged lines."""
    offered, now = shown(before), shown(typed)
    if not now.strip():
        return before if not offered.strip() or now == offered else now
    lead, tail = edges(offered)
    if lead and not edges(now)[0]:
        now = lead + now
    if tail and not edges(now)[1]:
        now += tail
    return before if now == offered else _lines(before, now)


def edges(text: str) -> tuple[str, str]:
    """Return the white space before and after a text."""
    bare = text.strip()
    if not bare:
        return "", text
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def breaks(text: str) -> str:
    """Return the most frequent line ending of a text; LF if it has none."""
    found = Counter(_BREAK.findall(text)).most_common(1)
    return found[0][0] if found else "\n"


def _lines(before: str, now: str) -> str:
    """Return new lines with the line endings of the text before, and with its unchanged lines as they were."""
    usual = breaks(before)
    olds, endings = _BREAK.split(before), [*_BREAK.findall(before), ""]
    news = now.split("\n")
    seen = [shown(old) for old in olds]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(seen, news, strict=False)))
    room = min(len(seen), len(news)) - same
    rest = zip(seen[::-1][:room], news[::-1], strict=False)
    last = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], rest))
    parts: list[str] = []
    for number, new in enumerate(news):
        old = number if number < same else number - len(news) + len(olds) if number >= len(news) - last else -1
        parts.append(olds[old] if old >= 0 else new)
        if number < len(news) - 1:
            parts.append((endings[old] if old >= 0 else "") or usual)
    return "".join(parts)
