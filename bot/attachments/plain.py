"""Reads text, code and tables of separated values. Pure, standard library only."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from bot.attachments.found import Found, Unreadable

TEXT_CHARS = 40_000
"""Characters of a text that the model reads: about 10,000 tokens."""
TABLE_CHARS = 12_000
HEAD_ROWS, TAIL_ROWS = 100, 20
HEAD_SHARE = 0.75
LINE_CHARS = 2_000
"""Characters of one line of a text that is shortened."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read(content: bytes, name: str) -> Found:
    """Read a file that may be text. Raises Unreadable if it is not."""
    text = decoded(content)
    ending = name.rpartition(".")[2].lower()
    if ending in ("csv", "tsv") and (rows := _records(text)) is not None:
        body, note = table(rows)
        return Found(body, note)
    return Found(*shortened(text))


def decoded(content: bytes) -> str:
    """Return bytes as text. Raises Unreadable if they are none."""
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    sample = text[:20_000] + text[-20_000:]
    odd = sum(character == "\ufffd" or (character < " " and character not in "\t\n\r\f\x1b") for character in sample)
    if odd > len(sample) // 50:
        raise Unreadable("it is of a kind that I cannot read")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def shortened(text: str, limit: int = TEXT_CHARS) -> tuple[str, str]:
    """Return the beginning and the end of a text, at whole lines, and what was left out."""
    if len(text) <= limit:
        return text, ""
    lines = text.split("\n")
    head = _fitting(lines, int(limit * HEAD_SHARE))
    tail = _fitting(lines[: len(head) - 1 if head else None : -1], limit - int(limit * HEAD_SHARE))[::-1]
    left = len(lines) - len(head) - len(tail)
    if left <= 0:
        return "\n".join([*head, *tail]), "long lines are cut off"
    gap = f"[… {left:,} lines left out …]"
    note = f"{len(lines):,} lines; lines {len(head) + 1:,} to {len(lines) - len(tail):,} are not shown"
    return "\n".join([*head, gap, *tail]), note


def _fitting(lines: Sequence[str], limit: int) -> list[str]:
    """Return as many lines as fit, each cut off at a length."""
    found: list[str] = []
    for line in lines:
        kept = line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS]}…"
        limit -= len(kept) + 1
        if limit < 0:
            break
        found.append(kept)
    return found


def table(rows: Sequence[str], what: str = "rows") -> tuple[str, str]:
    """Return the first and the last rows of a table, and how many there are. The first row may be a heading."""
    shown = [row if len(row) <= LINE_CHARS else f"{row[:LINE_CHARS]}…" for row in rows[: HEAD_ROWS + TAIL_ROWS]]
    if len(rows) <= HEAD_ROWS + TAIL_ROWS and sum(map(len, shown)) <= TABLE_CHARS:
        return "\n".join(shown), f"all {len(rows):,} {what}"
    head = _fitting(rows[:HEAD_ROWS], int(TABLE_CHARS * HEAD_SHARE))
    rest = rows[max(len(head), len(rows) - TAIL_ROWS) :]
    tail = _fitting(rest[::-1], TABLE_CHARS - int(TABLE_CHARS * HEAD_SHARE))[::-1]
    left = len(rows) - len(head) - len(tail)
    gap = [f"[… {left:,} {what} left out …]"] if left else []
    note = f"{len(rows):,} {what} with the heading; {what} {len(head) + 1:,} to {len(rows) - len(tail):,} are not shown"
    return "\n".join([*head, *gap, *tail]), note if left else f"all {len(rows):,} {what}"


def _records(text: str) -> list[str] | None:
    """Return the records of a table as they are written, of which some may span lines; None if it cannot be parsed."""
    csv.field_size_limit(max(len(text), 1))
    lines = text.splitlines(keepends=True)
    separator = max(",;\t|", key=lines[0].count) if lines else ","
    reader = csv.reader(lines, delimiter=separator)
    found: list[str] = []
    before = 0
    try:
        for _ in reader:
            record = "".join(lines[before : reader.line_num]).strip("\n")
            before = reader.line_num
            if record:
                found.append(record)
    except csv.Error:
        return None
    return found
