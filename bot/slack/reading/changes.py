"""Shows the model that a message which it has read was edited or deleted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.slack.reading.shown import OPEN, note

QUOTED = 300
"""Characters of a deleted message that are repeated, so that it is clear which one it was."""


def edited(who: str, ts: str, said: str) -> str:
    """Return the report of an edit.

    Args:
        who: the author's name.
        ts: the timestamp of the message.
        said: what it says now, as the model reads it.
    """
    return _section(f"{who} edited the message of {time_of(ts)}; it now reads:", said, "edited message")


def deleted(who: str, ts: str, said: str) -> str:
    """Return the report of a deletion, with the same arguments; `said` is what the message said last."""
    return _section(f"the message of {who} of {time_of(ts)} was deleted; it read:", _start(said), "deleted message")


def _start(said: str) -> str:
    """Return the start of what a message said, without a section of which the end is left out."""
    if len(said) <= QUOTED:
        return said
    lines, room = said.split("\n"), QUOTED
    if len(lines[0]) > QUOTED:
        return f"{lines[0][:QUOTED]}…" if OPEN not in lines[0] else "…"
    kept: list[str] = []
    for line in lines:
        room -= len(line)
        if room < 0:
            break
        kept.append(line)
    while kept and kept[-1].startswith((">", OPEN)) and not kept[-1].startswith(f"{OPEN}end of "):
        kept.pop()
    return "\n".join([*kept, "…"])


def time_of(ts: str) -> str:
    """Return the time of a message in UTC: people of several time zones may take part."""
    try:
        return datetime.fromtimestamp(float(ts), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _section(head: str, said: str, name: str) -> str:
    return "\n".join([note(head), *(f"> {line}".rstrip() for line in said.split("\n")), note(f"end of {name}")])
