"""Calls that may change the same files run one after the other; one that hangs keeps no others waiting."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from bot.core.ports.toolset import Permit
from bot.core.tools import BusyError, Tool
from bot.tools.filesystem import default_server
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import CALLS_AT_ONCE, StdioServer
from bot.tools.toolset import make_toolset

pytestmark = pytest.mark.anyio


def made(name: str, server: str = "one") -> Tool:
    return Tool(
        name=f"{server}__{name}",
        server=server,
        remote_name=name,
        description="",
        schema={},
        parameters={},
        trusted=True,
        read_only=False,
        destructive=True,
        idempotent=False,
        digest="d",
    )


def files(*folders: Path, seconds: float = 60) -> McpToolset:
    """Filesystem servers `one`, `two`, … that are not started: nothing is called."""
    servers: list[StdioServer] = []
    for key, folder in zip(("one", "two"), folders, strict=False):
        command, arguments = default_server.command(folder)
        servers.append(StdioServer(key, command, tuple(arguments), trusted=True, call_seconds=seconds))
    return make_toolset(servers)


async def held(tools: McpToolset, name: str, server: str = "one", **arguments: Any) -> Permit:
    async with asyncio.timeout(5):
        return await tools.acquire(made(name, server), arguments)


async def free(tools: McpToolset, name: str, server: str = "one", **arguments: Any) -> bool:
    """Whether a call could be made at once."""
    right = await tools.try_acquire(made(name, server), arguments)
    if right is not None:
        right.release()
    return right is not None


def stage(root: Path) -> None:
    for name in ("a", "b/deep"):
        (root / name).mkdir(parents=True)
    for name in ("a/1.txt", "a/2.txt", "b/1.txt", "a.txt"):
        (root / name).write_text(name)
    (root / "link").symlink_to("a")
    os.link(root / "a" / "1.txt", root / "b" / "hard.txt")


BESIDE: dict[str, tuple[str, dict[str, str]]] = {
    "another file of the folder": ("write_file", {"path": "a/2.txt"}),
    "a file of a similar name": ("write_file", {"path": "a/1.txt.bak"}),
    "another folder": ("move_file", {"source": "b/deep", "destination": "c"}),
    "a new folder": ("create_directory", {"path": "a/new/deep"}),
}
SAME: dict[str, tuple[str, dict[str, str]]] = {
    "the same file": ("edit_file", {"path": "a/1.txt"}),
    "the same file over a link": ("write_file", {"path": "link/1.txt"}),
    "the same file over dots": ("write_file", {"path": "b/../a/./1.txt"}),
    "the same file in another case": ("write_file", {"path": "A/1.TXT"}),
    "another name of the same file": ("write_file", {"path": "b/hard.txt"}),
    "the folder that it is in": ("move_file", {"source": "a", "destination": "c"}),
    "the file as a destination": ("move_file", {"source": "b/1.txt", "destination": "a/1.txt"}),
    "a folder in its place": ("create_directory", {"path": "a/1.txt/deep"}),
    "a path that the server refuses": ("write_file", {"path": "/etc/passwd"}),
    "a path that is none": ("write_file", {}),
}


@pytest.mark.parametrize("beside", BESIDE)
async def test_a_call_that_hangs_keeps_no_call_of_other_files_waiting(tmp_path: Path, beside: str) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    await held(tools, "write_file", path="a/1.txt")
    name, arguments = BESIDE[beside]
    assert await free(tools, name, **arguments)
    (await held(tools, name, **arguments)).release()


@pytest.mark.parametrize("same", SAME)
async def test_calls_that_may_change_the_same_things_wait_for_each_other(tmp_path: Path, same: str) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    first = await held(tools, "write_file", path="a/1.txt")
    name, arguments = SAME[same]
    assert not await free(tools, name, **arguments)
    second = asyncio.ensure_future(held(tools, name, **arguments))
    done, _ = await asyncio.wait([second], timeout=0.05)
    assert not done
    first.release()
    first.release()
    (await second).release()
    assert await free(tools, "write_file", path="a/1.txt")


async def test_servers_with_the_same_folders_wait_for_each_other(tmp_path: Path) -> None:
    stage(tmp_path)
    tools = files(tmp_path, tmp_path / "link")
    first = await held(tools, "write_file", path="a/1.txt")
    assert not await free(tools, "write_file", "two", path="1.txt")
    assert await free(tools, "write_file", "two", path="2.txt")
    first.release()
    assert await free(tools, "write_file", "two", path="1.txt")


async def test_a_call_that_waits_too_long_is_not_sent_and_says_so(tmp_path: Path) -> None:
    stage(tmp_path)
    tools = files(tmp_path, seconds=0.05)
    first = await held(tools, "write_file", path="a/1.txt")
    with pytest.raises(BusyError, match=r"at the same files for 0.05 s. The call was not sent"):
        await held(tools, "write_file", path="a/1.txt")
    first.release()
    rights = [await held(tools, "read_file", path="a/1.txt") for _ in range(CALLS_AT_ONCE)]
    assert not await free(tools, "read_file", path="a/1.txt")
    assert not await free(tools, "write_file", path="a/1.txt")
    with pytest.raises(BusyError, match=r"was busy for 0.05 s. The call was not sent"):
        await held(tools, "write_file", path="a/1.txt")
    for right in rights:
        right.release()
    assert await free(tools, "write_file", path="a/1.txt"), "whoever gave up holds nothing"


async def test_calls_that_cross_wait_without_a_deadlock_in_the_order_they_came(tmp_path: Path) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    order: list[int] = []

    async def one(number: int, source: str, destination: str) -> None:
        right = await tools.acquire(made("move_file"), {"source": source, "destination": destination})
        await asyncio.sleep(0)
        order.append(number)
        right.release()

    async with asyncio.timeout(10):
        first = await held(tools, "move_file", source="a/1.txt", destination="b/1.txt")
        crossing = [
            asyncio.ensure_future(one(number, *(("a", "b") if number % 2 else ("b", "a")))) for number in range(40)
        ]
        cancelled = asyncio.ensure_future(one(99, "a", "b"))
        await asyncio.wait([cancelled], timeout=0.05)
        cancelled.cancel()
        first.release()
        await asyncio.gather(*crossing)
    assert sorted(order) == list(range(40))
    assert await free(tools, "move_file", source="a", destination="b")
