"""A message with what was read of its files, links and prompts. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.attachments import Attached
from bot.slack.reading.content import Part


@dataclass(slots=True)
class WithFiles:
    """A message with the content of its files."""

    parts: Sequence[Part]
    attached: list[Attached] = field(default_factory=list[Attached])
    problems: list[str] = field(default_factory=list[str])
    """What could not be read, in sentences for people."""
