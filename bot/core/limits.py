"""Limits of a turn, which an operator can set in bot.toml under [limits]."""

from __future__ import annotations

from dataclasses import dataclass

TRIES = 3
"""How often in a row a thread may fail, or a request to the model be started without a result, before the thread is
parked. A parked thread is resumed by a person only."""

MAX_CALLS = 64
"""The maximum number of calls that run in one step. The model is asked to repeat any further calls."""

MAX_TOOLS = 128
"""The maximum number of tools in a request to the model: OpenAI refuses one with more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits by their names in bot.toml."""

    steps: int = 25
    """Requests to the model in one turn, after which it has to answer with what it has."""
    turn_seconds: float = 900.0
    """Time spent in the model and in tools in one turn; waiting for a person does not count."""
    servers_seconds: float = 20.0
    """How long a turn waits for MCP servers that are still starting."""
    approval_hours: float = 24.0
    """Hours after which an open request counts as denied."""
    progress_after_seconds: float = 1.0
    """A turn that takes longer shows its progress."""
    progress_every_seconds: float = 3.0
    """Slack allows an app to update one message about every 3 seconds (chat.update, Tier 3)."""
    thread_messages: int = 100
    """The newest messages of a thread that the model reads besides the first one, when it is mentioned there first, and
    the most that it reads of what was said to others since it last answered."""
    answer_parts: int = 8
    """An answer that needs more Slack messages than this is uploaded as a file."""
    drain_seconds: float = 8.0
    """How long running tool calls may take to finish after SIGTERM."""
    sweep_seconds: float = 30.0
    """The interval at which requests are checked for expiry and reminders."""
    pollers: tuple[str, ...] = ()
    """Globs over the names of tools that a turn may call again and again, with the same arguments and result."""
