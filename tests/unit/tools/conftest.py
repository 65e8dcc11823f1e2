"""One real filesystem server for a file of tests, whose folder is empty for each: Node takes a third of a second to
start."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.config import mcp_json
from bot.tools.mcp.toolset import McpToolset
from tests.unit.tools.helpers import running


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server."""
    folder = tmp_path_factory.mktemp("files") / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
async def serving(served: Path) -> AsyncGenerator[McpToolset]:
    async with running(*mcp_json.load(None, served).servers) as toolset:
        yield toolset


@pytest.fixture
def workspace(served: Path) -> Path:
    """The folder, with nothing in it."""
    for path in served.iterdir() if served.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return served


@pytest.fixture
async def files(serving: McpToolset, workspace: Path) -> McpToolset:
    return serving
