"""What a worker of pytest-xdist tells of a test: how it went, and not each step on the way.

Of each test it would send that it begins and has ended, and one report each of its fixtures and of their end. To pack,
send, unpack and count these costs as much as to run a small test, and there are thousands of them.
"""

from __future__ import annotations

from typing import Any

import pytest

SHORT_SECONDS = 0.005
"""What fixtures that take no longer need not be told for: tests/tiers.py adds up how long the tests take."""
UNREAD = ("logstart", "logfinish")
"""What is printed with -v alone, which is about one worker."""


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Have what speaks for this worker say less."""
    manager = session.config.pluginmanager
    for plugin in manager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor" and session.config.get_verbosity() <= 0:
            _hush(plugin, manager)


def _hush(speaker: Any, manager: pytest.PytestPluginManager) -> None:
    send, tell = speaker.sendevent, speaker.pytest_runtest_logreport

    def sendevent(name: str, **told: Any) -> None:
        if name not in UNREAD:
            send(name, **told)

    @pytest.hookimpl
    def pytest_runtest_logreport(report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed or report.duration > SHORT_SECONDS:
            tell(report=report)

    manager.unregister(speaker)
    speaker.sendevent, speaker.pytest_runtest_logreport = sendevent, pytest_runtest_logreport
    manager.register(speaker)
