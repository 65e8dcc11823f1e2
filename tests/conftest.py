"""Fixtures of all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests import bounded, compiled, forked_workers, forking, lagging, memory, migrated, statements, tiers, told

pytest.register_assert_rewrite("tests.harness", "tests.contract")
memory.use()

# On a busy machine an example may take any time. What one run leaves untried another tries, but in CI: there
# hypothesis draws the same examples each time.
settings.register_profile("suite", deadline=None, max_examples=40)
settings.load_profile("suite")


SELDOM = (20_000, 10, 10)
"""When the garbage collector looks: a test ends long before what it leaves behind fills the memory."""


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(os, "pidfd_open"):
        if hasattr(config, "workerinput"):
            forking.fork_early()
            config.pluginmanager.register(told, "told")
        else:
            config.pluginmanager.register(forked_workers.Plugin(), "forked workers")
    config.pluginmanager.register(bounded.Plugin(), "bounded")
    config.pluginmanager.register(statements.Plugin(config), "statements")
    config.pluginmanager.register(lagging.Plugin(config), "lagging")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """The modules and the tests are a million objects that stay: the garbage collector need never look through them."""
    gc.disable()
    try:
        compiled.import_from_another_place(session.config)
        migrated.prepare()
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*SELDOM)
        gc.enable()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tiers.in_order(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for all_ in terminalreporter.stats.values() for each in all_ if isinstance(each, pytest.TestReport)]
    if lines := tiers.lines(reports):
        terminalreporter.section("time by kind of test")
        for line in lines:
            terminalreporter.write_line(line)
