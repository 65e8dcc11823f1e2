"""A standing permission that a person gave with an approval. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """A standing permission to run a tool without asking. It holds for one definition of the tool, until it expires or
    is revoked."""

    id: int
    user: str
    """Who gave it. It covers only calls that this person could approve alone."""
    thread_id: int
    """The thread in which it holds; 0 for all calls that this person's messages lead to."""
    place: str
    """The channel of that thread."""
    tool: str
    """The name under which the model calls it."""
    server: str
    remote_name: str
    tool_digest: str
    scope: str
    """Which arguments it covers (`bot.core.questions.scope`)."""
    value: str
    """The real path of the file or folder, or arguments as canonical JSON; empty if it covers any."""
    created_at: float
    expires_at: float
    """Unix time in seconds."""
    ended: str = ""
    """`revoked`, `void` (the tool's definition changed) or `expired`; empty while it holds."""
    words: str = ""
    """What it covers, as the person read it: `edits to files in notes/`. Empty for those of older versions."""
