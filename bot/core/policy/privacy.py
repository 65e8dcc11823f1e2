"""Privacy levels: how much of a call is shown to everybody in a shared or public channel."""

from __future__ import annotations

from enum import StrEnum


class Privacy(StrEnum):
    """What everybody in the channel sees of arguments and results."""

    FULL = "full"
    SUMMARY = "summary"
    PRIVATE = "private"
