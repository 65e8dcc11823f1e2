"""Renders the report that a message was edited or deleted, for the model. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.slack.reading.rendering import OPEN, note

QUOTED = 300
"""Characters of a deleted message that are quoted to identify it."""


def edited(who: str, ts: str, said: str) -> str:
    """Return the report that a message was edited.

    Args:
        who: the author's name.
        ts: the timestamp of the message.
        said: its new wording, as the model reads it.
    """
    return _section(f"{who} edited the message of {time_of(ts)}; it now reads:", said, "edited message")


def deleted(who: str, ts: str, said: str) -> str:
    """Return the report that a message was deleted. Takes the same arguments; `said` is its last wording."""
    return _section(f"the message of {who} of {time_of(ts)} was deleted; it read:", _start(said), "deleted message")


def _start(said: str) -> str:
    """Return the start of a message's wording, without a section whose end is left out."""
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
    """Return the time of a message as text, in UTC because the participants may be in several time zones."""
    try:
        return datetime.fromtimestamp(float(ts), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _section(head: str, said: str, name: str) -> str:
    return "\n".join([note(head), *(f"> {line}".rstrip() for line in said.split("\n")), note(f"end of {name}")])
