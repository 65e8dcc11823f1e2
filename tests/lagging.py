"""Nothing holds the event loop of a bot for more than 50 ms while the suite runs: a test during which something did has
failed.

What is measured is the CPU time that each callback takes of the loop's own thread (`tests.watch`): in the bots that
`tests.forking` forks, in those that are started as `python -m bot` once their socket is open, in those that run inside
this process (`tests.inprocess`), and in this process during tests that run the bot's parts in it. Of the fuzz tests
that need no loop each example is measured as if it were a callback: what it tries, the bot calls on its loop.

A test that fails for this alone is run once more, and that counts: on a machine that others use as well, the same work
takes twice the CPU time at one moment, and what really holds the loop does so again.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Generator
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.lag import HELD
from tests.watch import NOTED, Notes, Watch, use

IN_PROCESS = (
    *("agent", "core", "model", "patterns", "property", "slack", "store", "tools", "scheduler"),
    *("test_in_process.py", "test_lag.py", "test_lag_servers.py"),
)
"""Folders and files of tests that run the bot's parts in their own process, and not what lies outside of it."""


class Plugin:
    """Measures while tests run, fails those during which something took too long, and tells the longest of all."""

    def __init__(self, config: pytest.Config) -> None:
        self._worker: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self._folder = tempfile.TemporaryDirectory(prefix="lag-")
        self._longest: dict[str, tuple[float, str]] = {}
        """For each file of tests the longest callback, and what it was."""
        # The environment, for the processes of the bots.
        os.environ[NOTED] = str(Path(self._folder.name, "noted"))
        self._notes = Notes(os.environ[NOTED])
        self._watch = Watch(os.environ[NOTED], "")
        use(self._watch)
        gc.callbacks.append(self._watch.collected)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [each for each in reports if each.failed]
        if failed and all(HELD in each.longreprtext for each in failed):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        yield
        self._check(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        self._watch.begin("a test" if {item.path.parent.name, item.path.name} & {*IN_PROCESS} else "")
        tried: Any = getattr(getattr(item, "obj", None), "hypothesis", None)
        inner: Any = None
        if tried is not None and not iscoroutinefunction(tried.inner_test):
            inner = tried.inner_test
            tried.inner_test = self._measured(inner)
        try:
            yield
        finally:
            self._watch.begin("")
            if tried is not None and inner is not None:
                tried.inner_test = inner
        self._check(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        yield
        self._check(item)

    def _measured(self, test: Callable[..., object]) -> Callable[..., object]:
        """An example of a fuzz test, measured unless it runs a loop: then that one's callbacks are."""
        watch = self._watch

        @wraps(test)
        def example(*args: Any, **options: Any) -> object:
            began, elsewhere, callbacks = time.thread_time(), watch.elsewhere, watch.callbacks
            try:
                return test(*args, **options)
            finally:
                if watch.callbacks == callbacks:
                    taken = time.thread_time() - began - (watch.elsewhere - elsewhere)
                    watch.take(taken, "an example", test)

        return example

    def _check(self, item: pytest.Item) -> None:
        """Fail the test if something has taken too long since the last look."""
        found = self._notes.more()
        file = item.nodeid.partition("::")[0]
        for note in found:
            self._see(file, note.seconds, note.what)
        if too_long := [note.words() for note in found if note.is_too_long]:
            pytest.fail("\n".join([f"{HELD} for more than 50 ms:", *too_long]), pytrace=False)

    def _see(self, file: str, seconds: float, what: str) -> None:
        self._longest[file] = max(self._longest.get(file, (0.0, "")), (seconds, what))

    def pytest_testnodedown(self, node: Any) -> None:
        for file, (seconds, what) in getattr(node, "workeroutput", {}).get("lag", {}).items():
            self._see(file, seconds, what)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._worker is not None:
            self._worker["lag"] = self._longest

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._longest:
            terminalreporter.section("the longest callback of a loop, by kind of test")
            for line in lines(self._longest):
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        gc.callbacks.remove(self._watch.collected)
        self._folder.cleanup()


def lines(longest: dict[str, tuple[float, str]]) -> list[str]:
    """A line for each folder."""
    folders: dict[str, tuple[float, str, str]] = {}
    for file, (seconds, what) in longest.items():
        folder, _, name = file.rpartition("/")
        folders[folder] = max(folders.get(folder, (0.0, "", "")), (seconds, name, what))
    return [
        f"{folder:<16} {seconds * 1000:4.0f} ms in {name}: {what:.200}"
        for folder, (seconds, name, what) in sorted(folders.items())
    ]
