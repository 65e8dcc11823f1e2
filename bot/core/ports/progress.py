"""How a running call says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Progress = Callable[[str], None]
"""Takes how far a call is, as one line for people, such as `40 of 120`: untrusted text."""

current_progress: ContextVar[Progress | None] = ContextVar("current_progress", default=None)
"""Set around `Toolset.call` by whoever wants to know how far the call is."""
