"""Python runs this at its start in the processes of the crash suite: it notes the failpoints that are passed, and kills
the process at the one that CRASH_AT names (`name#2`: the second time)."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections import Counter

from bot import failpoints

SHARE_PAUSES = (0.2, 0.4)
"""So long the Slack of the tests takes at most to show a file (half a second). After a death the bot waits for one as
long as for the slowest, which is 11 s with Slack itself."""

_passed: Counter[str] = Counter()


def _reached(name: str) -> None:
    _passed[name] += 1
    point = f"{name}#{_passed[name]}"
    with open(os.environ["CRASH_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{point}\n")
    if point == os.environ.get("CRASH_AT"):
        os.kill(os.getpid(), signal.SIGKILL)


if "CRASH_LOG" in os.environ:
    failpoints.install(_reached)
    importlib.import_module("bot.slack.delivery.sender")
    vars(sys.modules["bot.slack.delivery.sender"])["SHARE_PAUSES"] = SHARE_PAUSES
