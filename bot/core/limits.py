"""The bounds of a turn, all of which an operator may set in bot.toml under [limits]."""

from __future__ import annotations

from dataclasses import dataclass

TRIES = 3
"""How often a thread may fail in a row, and a request to the model be begun without anything coming of it, before the
thread is parked: then only a person takes it up again."""

MOST_CALLS = 64
"""Calls of one step that are run. The model is told to make those beyond it once more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Each field's name is its name in bot.toml."""

    steps: int = 25
    """Requests to the model in one turn, before it is told to answer with what it has."""
    turn_seconds: float = 900.0
    """Time in the model and in tools in one turn; waiting for a person does not count."""
    servers_seconds: float = 20.0
    """How long a turn waits for MCP servers that are still starting."""
    approval_hours: float = 24.0
    """After that an open request counts as denied."""
    progress_after_seconds: float = 1.0
    """A turn that takes longer shows what it is doing."""
    progress_every_seconds: float = 3.0
    """Slack allows an app to update one message about every 3 seconds (chat.update, Tier 3)."""
    answer_parts: int = 4
    """An answer that needs more Slack messages than this is uploaded as a file."""
    drain_seconds: float = 8.0
    """At SIGTERM, how long running tool calls may take to finish."""
    sweep_seconds: float = 30.0
    """How often requests are looked through for those whose time is over or that people are to be reminded of."""
