"""A disk that does not answer: nobody else waits for it, what it does not tell nobody can say, and calls ask."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.config import mcp_entry, mcp_json
from bot.core.json_text import JsonObject
from bot.core.policy.conditions import Check, Condition
from bot.core.policy.rules import Facts, Policy, Rule, Ruling
from bot.core.questions.scope import Offers
from bot.core.tools import BusyError, Tool, UndoSnapshot
from bot.errors import SettingsError
from bot.tools import disk
from bot.tools.disk import Disk, DiskTimeoutError
from bot.tools.filesystem import default_server, guard, preview
from bot.tools.mcp import toolset
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import StdioServer
from bot.tools.toolset import make_toolset
from tests.unit.tools.deadfolder import dead_folder
from tests.unit.tools.helpers import python_server, until

pytestmark = pytest.mark.anyio

DEAD = "dead"
FACTS = Facts("C1", "channel", "UALICE", frozenset())


@contextmanager
def dead_disk(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Whatever looks at something with the word in its path waits until this ends."""
    back = threading.Event()

    def slow(real: Callable[..., object]) -> Callable[..., object]:
        def looked(path: object, *arguments: object, **options: object) -> object:
            if isinstance(path, str | os.PathLike) and DEAD in os.fspath(path):
                assert threading.current_thread() is not threading.main_thread(), "the event loop looks at a disk"
                back.wait(30)
            return real(path, *arguments, **options)

        return looked

    for name in ("stat", "lstat", "scandir", "open", "readlink"):
        monkeypatch.setattr(os, name, slow(getattr(os, name)))
    try:
        yield
    finally:
        back.set()


def files(*folders: Path) -> McpToolset:
    """Filesystem servers that are not started: only their files are looked at."""
    servers: list[StdioServer] = []
    for folder in folders:
        command, arguments = default_server.command(folder)
        servers.append(StdioServer(folder.name, command, tuple(arguments), trusted=True))
    return make_toolset(servers)


def write(server: str) -> Tool:
    schema: JsonObject = {"type": "object", "properties": {}}
    return Tool(
        name=f"{server}__write_file",
        server=server,
        remote_name="write_file",
        description="",
        schema=schema,
        parameters=schema,
        trusted=True,
        read_only=False,
        destructive=True,
        idempotent=False,
        digest="d",
    )


@contextmanager
def lag() -> Generator[list[float]]:
    """The longest time that the event loop was kept from its work."""
    longest = [0.0]

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest[0] = max(longest[0], time.monotonic() - before - 0.005)

    task = asyncio.ensure_future(watch())
    try:
        yield longest
    finally:
        task.cancel()


async def test_a_policy_bound_to_a_folder_on_a_dead_disk_asks_and_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATH_SECONDS", 0.3)
    for name in (DEAD, "well"):
        (tmp_path / name).mkdir()
    tools = files(tmp_path / DEAD, tmp_path / "well")
    policy = Policy((Rule(Ruling.ALLOW, conditions=(Condition("path", Check.INSIDE, (".",)),)),))

    def judge(server: str) -> asyncio.Future[Ruling]:
        tool = write(server)

        async def looked() -> Ruling:
            path = {"path": "a.txt"}
            return await tools.guard(server).looking(
                tool, lambda inside: policy.judge(tool, path, FACTS, inside).ruling
            )

        return asyncio.ensure_future(looked())

    with dead_disk(monkeypatch), lag() as longest:
        dead = [judge(DEAD) for _ in range(20)]
        assert await judge("well") is Ruling.ALLOW
        assert not any(one.done() for one in dead), "the turns of other threads went on meanwhile"
        assert set(await asyncio.gather(*dead)) == {Ruling.ASK}
        assert await judge("well") is Ruling.ALLOW
        before = time.monotonic()
        assert await judge(DEAD) is Ruling.ASK
        assert time.monotonic() - before < 0.25, "a disk of which all threads hang is not asked again"
    assert longest[0] < 0.25


async def test_everything_that_looks_at_a_dead_disk_comes_back_with_what_fails_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATH_SECONDS", 0.1)
    monkeypatch.setattr(guard, "UNDO_SECONDS", 0.1)
    monkeypatch.setattr(disk, "SECONDS", 0.1)
    monkeypatch.setattr(preview, "LOOK_SECONDS", 0.3)
    folder = tmp_path / DEAD
    folder.mkdir()
    tools, tool = files(folder), write(DEAD)
    arguments = {"path": "a.txt", "content": "new"}
    plan = {"server": DEAD, "tool": "write_file", "paths": [f"{folder}/a.txt"], "was": None}
    before = UndoSnapshot(json.dumps(plan))
    guarded = tools.guard(DEAD)
    seen = await guarded.basis(tool, arguments)
    with dead_disk(monkeypatch), lag() as longest:
        async with asyncio.timeout(10):
            shown = await guarded.preview(tool, arguments)
            assert shown is not None
            assert shown.broken == "The files could not be looked at in time."
            assert await guarded.basis(tool, arguments) not in ("", seen), "what was approved has changed, then"
            assert await guarded.snapshot(tool, arguments) is None
            assert await guarded.post_state_digest(before) == ""
            assert await guarded.offers(tool, arguments) == Offers(comparable=False)
            assert await guarded.changes_only(tool, arguments, str(folder / "a")) is False
            assert await guarded.within(tool, arguments, str(folder)) is False
            assert await tools.try_acquire(tool, arguments) is None
            undone = await guarded.undo(before, "")
            assert (undone.done, undone.words[:28]) == (False, "The disk does not answer. It")
            with pytest.raises(BusyError, match="The call was not sent"):
                await tools.acquire(tool, arguments)
    assert longest[0] < 0.25


async def test_threads_that_come_back_work_again() -> None:
    some, back = Disk("some"), threading.Event()
    for _ in range(disk.THREADS):
        with pytest.raises(DiskTimeoutError):
            await some.run(back.wait, seconds=0.01)
    with pytest.raises(DiskTimeoutError, match="does not answer"):
        await some.run(lambda: 1, seconds=60)
    back.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await some.run(lambda: 1, seconds=5) == 1
                break
            except DiskTimeoutError:
                await asyncio.sleep(0.001)


async def test_what_is_raised_is_raised_and_many_at_once_share_a_few_threads() -> None:
    some = Disk("many")

    def broken() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        await some.run(broken)
    assert await asyncio.gather(*(some.run(lambda n=n: n * n) for n in range(200))) == [n * n for n in range(200)]
    assert len([thread for thread in threading.enumerate() if thread.name == "disk of many"]) <= disk.THREADS


async def test_a_server_whose_folder_is_on_a_dead_disk_keeps_nobody_waiting_and_starts_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "SECONDS", 0.2)
    servers = [python_server("odd.py", tmp_path / "journal", key=name, cwd=tmp_path / name) for name in (DEAD, "well")]
    for server in servers:
        assert server.cwd is not None
        server.cwd.mkdir()
    tools = make_toolset(servers)
    try:
        with dead_disk(monkeypatch), lag() as longest:
            await tools.launch()
            await tools.start()
            [trouble] = await tools.ready(20)
            assert f"`{DEAD}`" in trouble
            assert "does not answer" in trouble
            assert any(tool.server == "well" for tool in tools.tools())
        assert longest[0] < 0.25
        await until(lambda: any(tool.server == DEAD for tool in tools.tools()), what="the server's start")
    finally:
        await tools.aclose()


async def test_a_disk_behind_which_nobody_is_keeps_only_its_own_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "SECONDS", 0.2)
    (tmp_path / DEAD).mkdir()
    servers = [
        python_server("odd.py", tmp_path / "a", key=DEAD, cwd=tmp_path / DEAD),
        python_server("odd.py", tmp_path / "b", key="well"),
    ]
    with dead_folder(tmp_path / DEAD):
        tools = make_toolset(servers)
        try:
            with lag() as longest:
                await tools.launch()
                await tools.start()
                [trouble] = await tools.ready(20)
            assert "does not answer" in trouble
            assert longest[0] < 0.5
        finally:
            await tools.aclose()


async def test_a_manifest_on_a_dead_disk_is_read_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolset, "LOOK_SECONDS", 0.1)
    package = tmp_path / DEAD / default_server.PACKAGE
    (package / "dist").mkdir(parents=True)
    manifest = {"name": default_server.PACKAGE, "version": default_server.pinned_version()}
    (package / "package.json").write_text(json.dumps(manifest))
    config = StdioServer("files", "node", (str(package / "dist" / "index.js"), str(tmp_path)), trusted=True)
    answers, real = threading.Event(), Path.open

    def slow(path: Path, *arguments: Any, **options: Any) -> Any:
        answers.wait(30)
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", slow)
    before = time.monotonic()
    tools = make_toolset([config])
    assert time.monotonic() - before < 2
    assert not isinstance(tools.guard("files"), guard.FilesystemGuard)
    answers.set()
    await until(lambda: isinstance(tools.guard("files"), guard.FilesystemGuard), what="the manifest")


def test_a_configured_folder_on_a_dead_disk_ends_the_start_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_entry, "FOLDER_SECONDS", 0.2)
    gone = tmp_path / "gone"
    gone.mkdir()
    servers = tmp_path / "mcp.json"
    servers.write_text(json.dumps({"mcpServers": {"files": {"command": "node", "cwd": str(gone)}}}))
    with dead_folder(gone):
        found = mcp_json.load(servers, None)
    assert found.servers == ()
    assert "does not answer" in found.findings[0].words()
    assert "name a folder on another one" in found.findings[0].words()


def test_a_workspace_on_a_dead_disk_ends_the_start_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_json, "FOLDER_SECONDS", 0.2)
    with dead_folder(tmp_path), pytest.raises(SettingsError, match=r"does not answer.*Name a folder on another one"):
        mcp_json.load(None, tmp_path)
