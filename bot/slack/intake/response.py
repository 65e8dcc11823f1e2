"""What is left to do about a button once Slack has its ack. Pure data."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Response:
    """What follows after the ack."""

    words: str = ""
    """What the person alone is told; empty: nothing."""
    work: Coroutine[Any, Any, object] | None = None
    """What need not be done before the ack."""
