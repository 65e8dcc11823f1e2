"""Renders the report that a message was edited or deleted, for the model. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.slack.reading.rendering import note

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
    short = said if len(said) <= QUOTED else f"{said[:QUOTED]}…"
    return _section(f"the message of {who} of {time_of(ts)} was deleted; it read:", short, "deleted message")


def time_of(ts: str) -> str:
    """Return the time of a message as text, in UTC because the participants may be in several time zones."""
    try:
        return datetime.fromtimestamp(float(ts), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _section(head: str, said: str, name: str) -> str:
    return "\n".join([note(head), *(f"> {line}".rstrip() for line in said.split("\n")), note(f"end of {name}")])
