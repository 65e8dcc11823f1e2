"""Nothing holds the event loop of a bot for more than 50 ms while the suite runs; a run in which something did has
failed.

What is measured is the CPU time that each callback takes of the loop's own thread (`tests.lag`): in the bots that
`tests.forking` starts, and in this process during tests that run the bot's parts in it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.lag import MOST_SECONDS

NOTED = "LAG_OF_THE_BOT"
"""The variable that names the file to note callbacks in, a JSON string a line."""
IN_PROCESS = ("agent", "model", "property", "wake", "test_in_process.py", "test_lag.py", "test_lag_servers.py")
"""Folders and files of tests that run the bot's parts in their own process, and not what lies outside of it."""


class _Watch:
    """Notes what takes too long."""

    def __init__(self, path: str, about: str) -> None:
        self.path = path
        self.about = about
        """What runs meanwhile; empty: nothing that is to be measured."""
        self.collecting = 0.0
        """CPU time of the garbage collector, where that is left out."""
        self._began = 0.0
        self._callback: tuple[int, float] = (0, 0.0)
        """The number of the callback that runs now, and the CPU time at its beginning."""
        self._seen: tuple[int, str] = (0, "")
        """The number of one that was seen to run for long, and what it was doing."""
        self._looking = False
        # A fork has one thread, whichever its parent had.
        os.register_at_fork(after_in_child=lambda: setattr(self, "_looking", False))

    def collected(self, phase: str, _: dict[str, int]) -> None:
        """The collector of the tests goes through everything that they have loaded: it is none of the bot's."""
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.collecting += time.thread_time() - self._began

    def install(self) -> None:
        """From here on each callback of each loop of this process, and of those forked from it, is measured."""
        original = asyncio.events.Handle._run  # pyright: ignore[reportPrivateUsage]

        def run(handle: Any) -> None:
            began, before = time.thread_time(), self.collecting
            number = self._callback[0] + 1
            self._callback = (number, began)
            if not self._looking:
                self._look()
            original(handle)
            taken = time.thread_time() - began - (self.collecting - before)
            if taken > MOST_SECONDS and self.about:
                doing = self._seen[1] if self._seen[0] == number else ""
                self.note(f"{taken * 1000:.0f} ms, {self.about}: {where(handle)}\n{doing}")

        asyncio.events.Handle._run = run  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]

    def _look(self) -> None:
        """Look from a thread what takes long while it does: afterwards nobody can tell."""
        self._looking = True
        loops, clock = threading.get_ident(), time.pthread_getcpuclockid(threading.get_ident())

        def look() -> None:
            while True:
                time.sleep(MOST_SECONDS / 2)
                number, began = self._callback
                if number != self._seen[0] and time.clock_gettime(clock) - began > MOST_SECONDS / 2:
                    stack = traceback.extract_stack(sys._current_frames().get(loops))  # pyright: ignore[reportPrivateUsage]
                    self._seen = (number, "".join(traceback.format_list(stack[-6:])))

        threading.Thread(target=look, name="looks at the loop", daemon=True).start()

    def note(self, words: str) -> None:
        """Write it down where the test run looks for it."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(words)}\n")


def where(handle: Any) -> str:
    """What a callback was: of a task its coroutine, with the line at which it waits now."""
    callback: Any = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    return f"{owner if isinstance(owner, asyncio.Task) else handle!r:.600}"


def noted() -> list[str]:
    """What was noted so far by this process and its bots."""
    path = Path(os.environ[NOTED])
    return [str(json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


_watches: list[_Watch] = []


def record(path: str) -> None:
    """Measure the bots that are forked from this process."""
    _watches.append(_Watch(path, "in a bot"))
    _watches[-1].install()


def leave_out() -> None:
    """This process is no bot."""
    for watch in _watches:
        watch.about = ""


class Plugin:
    """Measures while tests run, gathers what the workers have noted, and fails the run at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._worker: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self._folder = tempfile.TemporaryDirectory(prefix="lag-")
        self._noted: list[str] = []
        # The environment, for the process that forks the bots.
        os.environ[NOTED] = str(Path(self._folder.name, "noted"))
        self._watch = _Watch(os.environ[NOTED], "")
        self._watch.install()
        gc.callbacks.append(self._watch.collected)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        self._watch.about = item.nodeid if {item.path.parent.name, item.path.name} & {*IN_PROCESS} else ""
        try:
            return (yield)
        finally:
            self._watch.about = ""

    def pytest_testnodedown(self, node: Any) -> None:
        self._noted += getattr(node, "workeroutput", {}).get("lag", ())

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._noted += noted()
        if self._worker is not None:
            self._worker["lag"] = self._noted
        elif self._noted and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._noted:
            terminalreporter.section("what held an event loop (tests/lagging.py)", red=True, bold=True)
            terminalreporter.write_line("\n\n".join(sorted(self._noted)))

    def pytest_unconfigure(self) -> None:
        gc.callbacks.remove(self._watch.collected)
        self._folder.cleanup()
