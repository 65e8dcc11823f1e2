"""Splits long Markdown into pieces within Slack's limits, keeping code blocks intact. Pure."""

from __future__ import annotations

import re

MAX_CHARS = 150_000
"""Characters of one text: about fifteen messages."""

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*$")


def split(text: str, limit: int) -> list[str]:
    """Return Markdown in pieces of at most `limit` characters (at least 400).

    Cuts are made between lines, preferably at blank lines. A code block that is cut is closed and reopened with its own
    fence. A line that is too long is cut within.
    """
    text = bounded(text)
    pieces: list[str] = []
    lines: list[str] = []
    size = 0
    fence = ""  # the line that opened the current code block
    for line in _short_lines(text, limit - 200):
        match = _FENCE.match(line) if "```" in line or "~~~" in line else None
        # An open code block, or one that this line opens, may have to be closed within this piece.
        closing = _closing(fence) if fence else match.group(1) if match else ""
        room = limit - (len(closing) + 1 if closing else 0)
        while size + len(line) + 1 > room and len(lines) > (1 if fence else 0):
            cut = len(lines) if fence else _blank_line(lines)
            rest = lines[cut:]
            piece = lines[:cut] + ([_closing(fence)] if fence else [])
            pieces.append("\n".join(piece).strip("\n"))
            lines = ([fence] if fence else []) + rest
            size = sum(len(other) + 1 for other in lines)
        lines.append(line)
        size += len(line) + 1
        if match:
            if not fence:
                fence = line[:80]
            elif line.strip() == _closing(fence) or set(line.strip()) == {fence.strip()[0]}:
                fence = ""
    pieces.append("\n".join(lines).strip("\n"))
    return [piece for piece in pieces if piece.strip()]


def bounded(text: str) -> str:
    """Return the part of a text that is shown, followed by how much was left out."""
    if len(text) <= MAX_CHARS + 100:
        return text
    return f"{text[:MAX_CHARS]}\n\n[… {len(text) - MAX_CHARS:,} more characters, left out …]"


def _closing(fence: str) -> str:
    """Return the line that closes a code block opened by this one."""
    match = _FENCE.match(fence)
    return match.group(1) if match else ""


def _blank_line(lines: list[str]) -> int:
    """Return where to cut: after the last blank line of the second half, outside code blocks; else at the end."""
    for index in range(len(lines) - 1, len(lines) // 2, -1):
        if not lines[index].strip() and not any(_FENCE.match(line) for line in lines[index:]):
            return index + 1
    return len(lines)


def _short_lines(text: str, limit: int) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        while len(line) > limit:
            cut = line.rfind(" ", limit // 2, limit) + 1 or limit
            lines.append(line[:cut])
            line = line[cut:]  # noqa: PLW2901
        lines.append(line)
    return lines
