"""Servers to test with, and waiting."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.core.tools import CallResult, Tool
from bot.tools.filesystem.guard import LocalPaths
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import ServerConfig, StdioServer
from bot.tools.toolset import make_toolset

SERVERS = Path(__file__).with_name("servers")


def python_server(script: str, *args: object, key: str = "odd", **settings: Any) -> StdioServer:
    """One of the servers of this folder. Python starts without the packages that are installed, where it needs none: to
    find them takes longer than all the rest of the start."""
    alone = () if script == "modern.py" else ("-S",)
    return StdioServer(key, sys.executable, (*alone, str(SERVERS / script), *map(str, args)), **settings)


@asynccontextmanager
async def running(*servers: ServerConfig, ready: float = 20) -> AsyncGenerator[McpToolset]:
    """A toolset that has been started and has waited for its servers."""
    toolset = make_toolset(servers)
    await toolset.start()
    try:
        await toolset.ready(ready)
        yield toolset
    finally:
        await toolset.aclose()


def tool(toolset: McpToolset, name: str) -> Tool:
    """A tool that must be there."""
    found = toolset.find(name)
    assert found is not None, f"{name} is not among {[known.name for known in toolset.tools()]}"
    return found


def guard(toolset: McpToolset, server: str = "filesystem") -> LocalPaths:
    """What is known of a server's calls."""
    found = toolset.guard(server)
    assert isinstance(found, LocalPaths)
    return found


async def call(toolset: McpToolset, name: str, **arguments: Any) -> CallResult:
    """Call a tool by the name it is offered under."""
    return await toolset.call(tool(toolset, name), arguments)


async def until(condition: Callable[[], object], seconds: float = 10, what: str = "the condition") -> None:
    """Wait until a condition holds."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {seconds:g} s") from None


async def until_down(toolset: McpToolset) -> None:
    """Wait until a server cannot be used."""
    async with asyncio.timeout(5):
        while not await toolset.ready(0):
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not collected by its parent yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def processes_with(word: str) -> list[int]:
    """The processes in whose command line a word stands."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and is_alive(int(entry.name)):
            try:
                line = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if word.encode() in line:
                found.append(int(entry.name))
    return found
