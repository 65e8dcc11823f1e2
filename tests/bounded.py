"""No test can hold up the whole run: a process in which one takes far too long is ended, and says where it hangs.

pytest-timeout fails a test that takes too long, once: it breaks into what the test waits for. A fixture that is then
torn down, or a loop that still runs the test's coroutine, can wait for good. pytest-xdist starts another worker in the
place of one that has ended.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Generator

import pytest

GRACE_SECONDS = 60.0
"""How long a test and its fixtures may take after pytest-timeout has failed it."""
VARIABLE = "TEST_GRACE_SECONDS"
"""The variable that names another number, for the tests of this."""
EXIT_CODE = 70


class Plugin:
    """Watches from a thread how long the test takes that runs."""

    def __init__(self) -> None:
        self._grace = float(os.environ.get(VARIABLE, GRACE_SECONDS))
        self._test, self._seconds, self._until = "", 0.0, float("inf")
        # What is captured while a test runs is lost with its process.
        self._errors = os.dup(2)
        threading.Thread(target=self._watch, name="bounds each test", daemon=True).start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._test, self._seconds = item.nodeid, allowed(item) + self._grace
        self._until = time.monotonic() + self._seconds
        try:
            return (yield)
        finally:
            self._until = float("inf")

    def _watch(self) -> None:
        while True:
            time.sleep(min(2.0, self._grace / 4))
            if time.monotonic() > self._until:
                os.write(self._errors, f"\n{self._test} has not ended after {self._seconds:g} s:\n".encode())
                faulthandler.dump_traceback(self._errors)
                os._exit(EXIT_CODE)


def allowed(item: pytest.Item) -> float:
    """The seconds after which pytest-timeout fails a test; 0 when it never does."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0] if marker and marker.args else item.config.getini("timeout") or 0)
