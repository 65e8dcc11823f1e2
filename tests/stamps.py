"""The line with which a message that begins a turn ends: when it was sent."""

from __future__ import annotations

import re

_SENT = re.compile(r"\n⟦sent [A-Z][a-z]+day, \d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d \(UTC(?:[+-]\d\d:\d\d)?\)⟧\Z")


def unstamped(text: str) -> str:
    """A message as the model reads it, without that line."""
    return _SENT.sub("", text)


def is_stamped(text: str) -> bool:
    """Whether a message has that line."""
    return _SENT.search(text) is not None
