"""How a running call says how far it is, to whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Told = Callable[[str], None]
"""Takes how far a call is: one line for people, such as `40 of 120`. It is untrusted text."""

current: ContextVar[Told | None] = ContextVar("current", default=None)
"""Set by whoever makes a call and wants to know how far it is."""
