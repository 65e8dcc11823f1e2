"""Changes of a text as edits of `edit_file`, which replaces the first place where the old text stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_PLACES: Final = 50
_BOX: Final = re.compile(r"^(\s*(?:[-*+]|\d+[.)]) \[)([ xX])(\] ?)(.*)$", re.MULTILINE)
_BULLET: Final = re.compile(r"\s*([-*+] )")


@dataclass(frozen=True, slots=True)
class Edit:
    """The first `old` becomes `new`."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Checkbox:
    """A line of a check list."""

    start: int
    line: str
    words: str
    ticked: bool


def appended(text: str, line: str) -> Edit | None:
    """Another line at the end of a text that is not empty; None when other places look like its end."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    for number in range(1, len(lines) + 1):
        end = "\n".join(lines[-number:])
        if end.strip() and text.find(end) == text.rfind(end):
            return Edit(end, f"{end}\n{line}")
    return None


def like_the_last(text: str, line: str) -> str:
    """The line as an item of the list that the text ends with, if it ends with one."""
    last = text.rstrip().rsplit("\n", 1)[-1]
    if "\n" in line or _BULLET.match(line):
        return line
    if _BOX.match(last):
        return f"- [ ] {line}"
    bullet = _BULLET.match(last)
    return f"{bullet[0]}{line}" if bullet else line


def replaced(text: str, old: str, new: str) -> list[Edit]:
    """Every `old` becomes `new`; only the first where one edit after the other would not come to that."""
    times = text.count(old)
    after = text
    for _ in range(min(times, MAX_PLACES)):
        after = after.replace(old, new, 1)
    return [Edit(old, new)] * (times if times <= MAX_PLACES and after == text.replace(old, new) else 1)


def boxes(text: str, words: str) -> list[Checkbox]:
    """The lines with a box whose words have these in them, however they are cased."""
    wanted = " ".join(words.lower().split())
    found = [Checkbox(box.start(), box[0], box[4], box[2] != " ") for box in _BOX.finditer(text)]
    return [box for box in found if wanted in " ".join(box.words.lower().split())]


def ticked(text: str, box: Checkbox, on: bool) -> Edit | None:
    """The line with its box ticked, or open; None when another one looks the same."""
    if text.find(box.line) != box.start:
        return None
    return Edit(box.line, _BOX.sub(lambda found: f"{found[1]}{'x' if on else ' '}{found[3]}{found[4]}", box.line))
