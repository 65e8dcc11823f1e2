"""Unified diffs of texts, exact to the byte. Pure.

The format is that of POSIX `diff -u` (POSIX.1-2017, diff utility, "Diff -u Output Format"), with the line `\\ No
newline at end of file` of GNU diff. Only a line feed ends a line: a carriage return is part of its line, and therefore
appears in the diff.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

CONTEXT = 3
"""Unchanged lines around a change."""
MAX_LINES = 5000
"""Changed lines: nobody reads more on a card."""
NO_NEWLINE = "\\ No newline at end of file"

_EFFORT = 5_000_000
"""Comparisons of lines, about 0.5 s. Beyond that, the remaining lines are shown as removed and added completely, which
is just as correct."""
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*")


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of lines that a diff changes. A removed line that is replaced by another one counts as changed."""

    changed: int = 0
    added: int = 0
    removed: int = 0

    def words(self) -> str:
        """Return a few words: `1 line changed, 2 added`; empty if no line changes."""
        parts: list[str] = []
        for verb, number in (("changed", self.changed), ("added", self.added), ("removed", self.removed)):
            if number:
                parts.append(f"{number:,} {verb}" if parts else f"{counted(number, 'line')} {verb}")
        return ", ".join(parts)

    def counts(self) -> str:
        """Return the numbers of lines that come and go: `+1 −1`; empty if no line changes."""
        come, gone = self.changed + self.added, self.changed + self.removed
        return " ".join(part for part in (f"+{come:,}" if come else "", f"−{gone:,}" if gone else "") if part)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 line`, `1,200 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def split(text: str) -> list[str]:
    """Return the lines of a text, each with its line feed; only the last one may have none."""
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def unified(old: str, new: str) -> str | None:
    """Return the hunks of the diff from the old text to the new one; empty if they are equal, None if more than
    MAX_LINES change. Takes up to a second for texts of a megabyte: call it in a thread."""
    if old == new:
        return ""
    was, now = split(old), split(new)
    start = _common(was, now)
    end = _common(was[start:][::-1], now[start:][::-1])
    if max(len(was), len(now)) - start - end > MAX_LINES:
        return None
    matcher = _Matcher(was, now, start, end)
    parts: list[str] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        (_, first_old, _, first_new, _), (_, _, last_old, _, last_new) = group[0], group[-1]
        parts.append(f"@@ -{_range(first_old, last_old)} +{_range(first_new, last_new)} @@\n")
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                parts.extend(_marked(" ", was[old_from:old_to]))
            else:
                parts.extend(_marked("-", was[old_from:old_to]))
                parts.extend(_marked("+", now[new_from:new_to]))
    return "".join(parts)


def tally(diff: str) -> Tally:
    """Count the lines that a diff from `unified` changes."""
    changed = added = removed = gone = come = 0
    for line in [*diff.split("\n"), " "]:
        sign = line[:1]
        if sign == "-":
            gone += 1
        elif sign == "+":
            come += 1
        elif sign != "\\":
            both = min(gone, come)
            changed, added, removed = changed + both, added + come - both, removed + gone - both
            gone = come = 0
    return Tally(changed, added, removed)


def applied(old: str, hunks: str) -> str:
    """Apply the hunks of a unified diff (without its `---` and `+++` lines) to a text.

    Raises ValueError unless they fit it in every line.
    """
    was, lines = split(old), _ended(hunks.split("\n"))
    result: list[str] = []
    at = 0
    heading = next(lines, None)
    while heading is not None:
        found = _HUNK.fullmatch(heading[:-1])
        if found is None:
            raise ValueError("a hunk does not begin where one must")
        begin, gone = int(found[1]), int(found[2] or 1)
        come = int(found[4] or 1)
        begin = begin - 1 if gone else begin
        if not at <= begin <= len(was):
            raise ValueError("the hunks are not in order")
        result.extend(was[at:begin])
        at = begin
        while gone or come:
            line = next(lines, "")
            sign, text = line[:1], line[1:]
            if sign in {" ", "-"} and was[at : at + 1] != [text]:
                raise ValueError("a line is not the text's own")
            if sign not in {" ", "-", "+"}:
                raise ValueError("a hunk is too short")
            at, gone = (at + 1, gone - 1) if sign != "+" else (at, gone)
            if sign != "-":
                come -= 1
                result.append(text)
        if gone < 0 or come < 0:
            raise ValueError("a hunk is too long")
        heading = next(lines, None)
    return "".join([*result, *was[at:]])


def endings(old: str, new: str) -> str:
    """Return what is hard to see in a diff (line endings, the newline at the end, the byte order mark) as sentences
    that each begin with a space."""
    words: list[str] = []
    was, now = _kinds(old), _kinds(new)
    if was and now and was.keys() != now.keys():
        words.append(f"Line endings: before {_named(was)}, after {_named(now)}.")
    elif now.keys() - {"LF"} and was != now:
        before = f"before {_named(was)}, after " if was else ""
        words.append(f"Line endings: {before}{_named(now)}.")
    end, mark = "\n", "\ufeff"
    if old and new and old.endswith(end) != new.endswith(end):
        words.append(f"The newline at the end of the file is {'removed' if old.endswith(end) else 'added'}.")
    if old and old.startswith(mark) != new.startswith(mark):
        words.append(f"The byte order mark at the start is {'removed' if old.startswith(mark) else 'added'}.")
    return "".join(f" {sentence}" for sentence in words)


class _Matcher(SequenceMatcher[str]):
    """Compares what remains between a common beginning and a common end, with bounded effort.

    difflib's worst case is cubic, and a model writes the texts.
    """

    def __init__(self, was: list[str], now: list[str], start: int, end: int) -> None:
        self._start, self._was, self._now = start, len(was), len(now)
        self._old, self._new = was[start : len(was) - end], now[start : len(now) - end]
        self._effort = _EFFORT
        # The maximum number of lines in the other text that each line is compared with, added up.
        times = Counter(self._new)
        self._pairs = list(accumulate((times[line] + 1 for line in self._old), initial=0))
        super().__init__(None, self._old, self._new)

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None):
        """Like difflib's method; once the effort is used up, nothing matches."""
        ahi = len(self._old) if ahi is None else ahi
        bhi = len(self._new) if bhi is None else bhi
        self._effort -= self._pairs[ahi] - self._pairs[alo]
        if self._effort < 0:
            ahi = alo
        return super().find_longest_match(alo, ahi, blo, bhi)

    def get_opcodes(self) -> list[tuple[str, int, int, int, int]]:  # type: ignore[override]
        """Return the operations on the whole texts."""
        start = self._start
        codes = [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in super().get_opcodes()]
        old_end, new_end = start + len(self._old), start + len(self._new)
        head = [("equal", 0, start, 0, start)] if start else []
        tail = [("equal", old_end, self._was, new_end, self._now)] if old_end < self._was else []
        return [*head, *codes, *tail]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of equal lines at the beginning."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _range(begin: int, end: int) -> str:
    """Return the position of a hunk; an empty one is positioned after the line that it names."""
    length = end - begin
    return f"{begin + 1 if length else begin},{length}" if length != 1 else str(begin + 1)


def _marked(sign: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{NO_NEWLINE}\n"


def _ended(lines: list[str]) -> Iterator[str]:
    """Yield the lines of a diff with their line feeds, except those that the next line says have none."""
    if lines and not lines[-1]:
        lines = lines[:-1]
    for index, line in enumerate(lines):
        if line.startswith("\\"):
            continue
        yield line if lines[index + 1 : index + 2] == [NO_NEWLINE] else line + "\n"


def _kinds(text: str) -> dict[str, int]:
    """Count the line endings of each kind in a text."""
    both = text.count("\r\n")
    counts = {"CRLF": both, "LF": text.count("\n") - both, "CR": text.count("\r") - both}
    return {kind: number for kind, number in counts.items() if number}


def _named(kinds: dict[str, int]) -> str:
    return " and ".join(f"{number:,} {kind}" for kind, number in kinds.items()) if len(kinds) > 1 else next(iter(kinds))
