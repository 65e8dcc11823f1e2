"""A standing permission that a person gave with an approval. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """A standing permission to run a tool without asking: pinned to the tool's definition, ended by time or by hand."""

    id: int
    user: str
    """Who gave it; it covers only calls that this person could approve alone."""
    thread_id: int
    """The thread that it is for; 0 for every call that this person's messages lead to."""
    place: str
    """The channel of that thread."""
    tool: str
    """The name under which the model calls it."""
    server: str
    remote_name: str
    tool_digest: str
    scope: str
    """`any`, `folder` or `same`: which arguments it covers."""
    value: str
    """The folder, or the canonical arguments."""
    created_at: float
    expires_at: float
    """Unix time in seconds."""
    ended: str = ""
    """`revoked`, `void` (the tool's definition changed) or `expired`; empty while it holds."""
