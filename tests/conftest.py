"""Fixtures of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests import statements

pytest.register_assert_rewrite("tests.harness")

# On a busy machine an example may take any time. In CI hypothesis has a profile of its own, which says so too.
if "CI" not in os.environ:
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(statements.Plugin(config), "statements")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
