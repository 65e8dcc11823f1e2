"""Cuts a text into the fields of a form and puts it together again without losing a character. Pure.

Slack documents for a text field (https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element)
that it takes 3,000 characters, and nothing about spaces and line breaks around the text, or about line endings, which
browsers turn into LF (https://html.spec.whatwg.org/multipage/form-elements.html#concept-textarea-api-value). So neither
is read from what comes back where nothing else was changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from bot.slack.text import sendable

MAX_CHARS: Final = 3_000
"""Characters of a field, counted in UTF-16 as browsers do."""
PIECE: Final = 2_400
"""Characters of each field of a text that needs several, which leaves room for more."""
_BREAK = re.compile(r"\r\n|\r|\n")


def shown(text: str) -> str:
    """Return a text as a form has it: line endings as LF, without lone surrogates."""
    return _BREAK.sub("\n", sendable(text))


def width(text: str) -> int:
    """Return the number of characters as browsers count them."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str) -> list[tuple[str, str]]:
    """Return a text as pieces that each fit into a field, with the line break that follows each, "" if there is
    none."""
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
    """Return the text of the pieces as they were typed. A piece that was emptied is gone with its line break."""
    parts: list[str] = []
    for (before, separator), now in zip(pieces, typed, strict=True):
        after = restored(before, now)
        parts += [after, separator if after or not before else ""]
    return "".join(parts)


def restored(before: str, typed: str) -> str:
    """Return the text that a person has typed over another, with what a form cannot carry as it was before: spaces and
    line breaks around it if none came back, line endings, and lone surrogates in lines that were not changed."""
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
    """Return the spaces and line breaks before and after a text."""
    bare = text.strip()
    if not bare:
        return "", text
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def breaks(text: str) -> str:
    """Return the line ending that a text has most often; LF if it has none."""
    found = Counter(_BREAK.findall(text)).most_common(1)
    return found[0][0] if found else "\n"


def _lines(before: str, now: str) -> str:
    """Return the lines of a text with the endings of another, and in that one's form where they are the same."""
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
