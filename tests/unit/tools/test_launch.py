"""A server's process that is started before anybody can talk to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mcp.client.stdio import get_default_environment

from bot.tools.environment import inherited
from bot.tools.mcp.transports.process import Ahead
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.server_config import StdioServer
from bot.tools.toolset import make_toolset
from tests.unit.tools.helpers import is_alive, processes_with, until

pytestmark = pytest.mark.anyio


def test_a_server_gets_the_environment_that_the_sdk_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "() { :; }")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")

    assert inherited() == get_default_environment()
    assert "SHELL" not in inherited()


def sleeping(tmp_path: Path) -> StdioServer:
    return StdioServer(key="sleeping", command=sys.executable, args=("-c", "input()", str(tmp_path)))


async def test_a_process_that_nobody_takes_is_ended(tmp_path: Path) -> None:
    reaper = ProcessReaper()
    ahead = Ahead(sleeping(tmp_path), reaper)
    await ahead.launch()
    launched = await ahead.take()
    assert is_alive(launched.process.pid)
    await launched.abandon(reaper)

    await ahead.launch()
    await until(lambda: processes_with(str(tmp_path)))
    before = processes_with(str(tmp_path))
    await ahead.abandon()

    assert before
    assert not [pid for pid in (launched.process.pid, *before) if is_alive(pid)]
    reaper.close()


async def test_it_is_taken_once_and_the_next_life_gets_another(tmp_path: Path) -> None:
    reaper = ProcessReaper()
    ahead = Ahead(sleeping(tmp_path), reaper)
    await ahead.launch()

    first, second = await ahead.take(), await ahead.take()

    assert first.process.pid != second.process.pid
    for launched in (first, second):
        await launched.abandon(reaper)
    reaper.close()


async def test_a_toolset_that_is_closed_before_its_start_leaves_no_process(tmp_path: Path) -> None:
    toolset = make_toolset([sleeping(tmp_path)])
    await toolset.launch()
    await until(lambda: processes_with(str(tmp_path)))
    pids = processes_with(str(tmp_path))

    await toolset.aclose()

    assert pids
    assert not [pid for pid in pids if is_alive(pid)]


async def test_a_command_that_is_not_there_is_told_by_the_start() -> None:
    config = StdioServer(key="missing", command="no-such-command", args=())
    toolset = make_toolset([config])
    await toolset.launch()
    await toolset.start()

    (trouble,) = await toolset.ready(20)

    assert "`missing` is not running" in trouble
    await toolset.aclose()
