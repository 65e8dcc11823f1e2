"""A running bot: one for a file of tests, with other people, another channel and another folder for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.harness import World, world


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    real_files = getattr(request.module, "REAL_FILES", False)
    async with world(tmp_path_factory.mktemp("bot"), real_files=real_files) as this:
        yield this


@pytest.fixture
async def here(running: World) -> AsyncGenerator[World]:
    running.fresh()
    yield running
    await running.quiet()
    running.check()
