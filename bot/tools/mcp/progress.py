"""Puts what a server says about the progress of a call into words: `Importing · 40 of 120`."""

from __future__ import annotations

import math

from mcp.shared.dispatcher import ProgressFnT

from bot.core import call_progress
from bot.tools.text import line

MAX_WORDS = 80
"""Characters of the server's own words."""


def callback() -> ProgressFnT | None:
    """Return what the SDK is to call when the server reports progress on the request that is about to be made; None if
    nobody wants to know, so that the server is not asked to report."""
    told = call_progress.current.get()
    if told is None:
        return None

    async def report(progress: float, total: float | None, message: str | None) -> None:
        if said := words(progress, total, message):
            told(said)

    return report


def words(done: float, total: float | None, message: str | None) -> str:
    """Return the progress as one line; the server's words are untrusted."""
    said = line(message, MAX_WORDS) if message else ""
    count = ""
    if _shown(done) and total is not None and _shown(total) and total > 0:
        # Many servers report shares of one, or percent.
        count = f"{done / total:.0%}" if total in (1, 100) else f"{done:,.6g} of {total:,.6g}"
    elif _shown(done) and not said:
        count = f"{done:,.6g}"
    return " · ".join(part for part in (said, count) if part)


def _shown(number: float) -> bool:
    return math.isfinite(number) and 0 <= number < 1e12
