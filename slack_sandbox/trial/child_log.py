"""What a process writes: into a file, the last lines for the page, and what is worth a look to the terminal.

A thread reads each process's pipe, so that a slow disk or a terminal that is held (Ctrl-S) stops nobody else.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LINES = 200
MAX_LINE_CHARS = 2_000
"""Characters of a line that are kept for the page."""
JOIN_SECONDS = 1.0

_HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) ")
_QUIET = frozenset({"DEBUG", "INFO"})


def level(line: str) -> str | None:
    """The level of a log line, text or JSON, in capitals; None for one that belongs to the line before it."""
    if found := _HEAD.match(line):
        return found[1]
    if line.startswith("{"):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and isinstance(entry.get("level"), str):
                return entry["level"].upper()
    return None


class _LineFilter:
    """Decides which lines of one process are worth a look: warnings and errors without their tracebacks, and what is
    said before anything is logged, as the sentence of a start that failed."""

    def __init__(self) -> None:
        self._logs = False
        self._tracing = False

    def passes(self, line: str) -> bool:
        found = level(line)
        if found is not None:
            self._logs = True
            return found not in _QUIET
        if self._logs or line.startswith("Traceback "):
            self._tracing = True
            return False
        self._tracing = self._tracing and line.startswith((" ", "\t"))
        return not self._tracing


class ChildLog:
    """The log of one process after another. Made in the loop's own thread.

    `tell` gets, on another thread, each line that is worth a look. `changed` is called in the loop.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.path = path
        self._tell = tell
        self._changed = changed
        self._tail: deque[str] = deque(maxlen=LINES)
        self._threads: list[threading.Thread] = []
        self._loop = asyncio.get_running_loop()

    @property
    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        return list(self._tail)

    def add(self, line: str) -> None:
        """Put a line of our own among the last ones; not into the file."""
        self._tail.append(line)
        self._changed()

    def tell(self, line: str) -> None:
        """Show a line to whoever started all this."""
        with suppress(OSError, ValueError):  # the terminal is gone
            self._tell(line)

    def pipe(self) -> int:
        """A file descriptor for a new process to write to. Close it when the process has it."""
        reading, writing = os.pipe()
        thread = threading.Thread(target=self._read, args=(reading,), daemon=True, name="log")
        self._threads.append(thread)
        thread.start()
        return writing

    async def drained(self) -> None:
        """Wait a moment until all that was written has been recorded."""
        for thread in self._threads:
            await asyncio.to_thread(thread.join, JOIN_SECONDS)
        self._threads = [thread for thread in self._threads if thread.is_alive()]

    def _read(self, reading: int) -> None:
        line_filter = _LineFilter()
        with os.fdopen(reading, "r", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                text = line.rstrip("\n")
                with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
                if line_filter.passes(text):
                    self.tell(text)
                with suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self.add, text[:MAX_LINE_CHARS])
