"""Shows the model that a message which it has read was edited or deleted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.slack.reading.rendering import note

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
    short = said if len(said) <= QUOTED else f"{said[:QUOTED]}…"
    return _section(f"the message of {who} of {time_of(ts)} was deleted; it read:", short, "deleted message")


def time_of(ts: str) -> str:
    """Return the time of a message in UTC: people of several time zones may take part."""
    try:
        return datetime.fromtimestamp(float(ts), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _section(head: str, said: str, name: str) -> str:
    return "\n".join([note(head), *(f"> {line}".rstrip() for line in said.split("\n")), note(f"end of {name}")])
