"""Fixtures of all tests."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.harness")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
