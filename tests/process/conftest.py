"""A running bot: one for a file of tests, with other people, another channel and another folder for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.harness import World
from tests.inprocess.fixtures import Opens, Worlds, worlds, worlds_of_the_module

__all__ = ["worlds", "worlds_of_the_module"]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def plain(opens: Opens, home: Path) -> AsyncGenerator[World]:
    """A bot that nobody has configured."""
    async with opens(home) as this:
        yield this


@asynccontextmanager
async def with_real_files(opens: Opens, home: Path) -> AsyncGenerator[World]:
    """The same, whose files Node serves."""
    async with opens(home, real_files=True) as this:
        yield this


@pytest.fixture
async def running(request: pytest.FixtureRequest, worlds: Worlds) -> World:
    return await worlds.of(with_real_files if getattr(request.module, "REAL_FILES", False) else plain)


@pytest.fixture
async def here(running: World) -> AsyncGenerator[World]:
    running.fresh()
    yield running
    await running.quiet()
    running.check()
