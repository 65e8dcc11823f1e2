"""How fast this machine is at the moment, so that limits of CPU time mean the same on all: on a slow or busy one, the
same work takes more of it."""

from __future__ import annotations

import re
import time

REFERENCE_SECONDS = 0.0025
"""What the sample takes on the machine for which the limits are stated."""
MOST = 5.0
_TEXT = "the quick brown fox " * 2_000
_WORD = re.compile(r"[a-z]+ ?")


def _sample() -> float:
    began = time.thread_time()
    total = 0
    for number in range(20_000):
        total += number * number % 7
    assert len(_WORD.findall(_TEXT)) == 8_000
    assert total
    return time.thread_time() - began


def allowed(seconds: float) -> float:
    """Return a limit of CPU time as it is on this machine now: by the slowest of a few samples, since what was measured
    may have met the same."""
    slower = max(_sample() for _ in range(5)) / REFERENCE_SECONDS
    return seconds * min(MOST, max(1.0, slower))


def is_allowed(taken: float, seconds: float) -> bool:
    """Return whether so much CPU time is within a limit. The machine is measured only when the limit is passed: that
    takes longer than most of what is limited."""
    return taken < seconds or taken < allowed(seconds)
