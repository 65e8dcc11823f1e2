"""mcp.json is read again while the bot runs: what that changes, and what it leaves alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bot.config import mcp_json, settings
from bot.core.tools import Audience, DeliveryStatus
from bot.reloading import Reloading
from bot.sighup import SighupHandler
from bot.tools.filesystem.guard import FilesystemGuard
from bot.tools.mcp.toolset import McpToolset
from bot.tools.toolset import make_toolset
from tests.unit.tools.helpers import call, is_alive, python_server, tool, until

pytestmark = pytest.mark.anyio

Servers = dict[str, dict[str, Any]]


class Running:
    """Servers that run, and the file that configures them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {}
        self.servers: Servers = {}

    def odd(self, key: str, **others: object) -> dict[str, Any]:
        """The configuration of a server."""
        made = python_server("odd.py", self.folder / key, key=key)
        return {"command": made.command, "args": list(made.args), **others}

    def write(self, **servers: dict[str, Any]) -> None:
        self.servers = servers
        (self.folder / "mcp.json").write_text(json.dumps({"mcpServers": servers}))

    async def start(self) -> None:
        loaded = settings.load(self.environment, self.folder, needed=False)
        configured = mcp_json.load(loaded.mcp_config, loaded.workspace, loaded.variables)
        self.tools: McpToolset = make_toolset(configured.servers)
        self.reloading = Reloading(loaded, configured, self.tools, self.environment, self.folder)
        await self.tools.start()
        await self.tools.ready(20)

    async def pid(self, key: str) -> int:
        return int((await call(self.tools, f"{key}__pid")).text)

    async def under_way(self, key: str) -> asyncio.Task[Any]:
        """A call that the server has begun, and that ends once there is the file `go` in the folder."""
        task = asyncio.create_task(call(self.tools, f"{key}__until", words=str(self.folder / "go")))
        await until((self.folder / key).exists)
        return task

    def go(self) -> None:
        (self.folder / "go").touch()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[Running]:
    made = Running(tmp_path)
    yield made
    await made.tools.aclose()


async def test_new_servers_start_removed_ones_end_after_their_calls_and_the_others_are_not_touched(
    here: Running, caplog: pytest.LogCaptureFixture
) -> None:
    here.write(same=here.odd("same"), gone=here.odd("gone"))
    await here.start()
    same, gone, under_way = await here.pid("same"), await here.pid("gone"), await here.under_way("gone")
    stale = tool(here.tools, "gone__echo")

    here.write(new=here.odd("new"), same=here.odd("same"))
    with caplog.at_level(logging.INFO):
        await here.reloading.reload()

    await here.tools.ready(20)
    assert [each.key for each in here.tools.states()] == ["new", "same"]
    assert "MCP_CONFIG was read again: added `new`; removed `gone`." in caplog.messages
    assert await here.pid("same") == same
    assert await here.pid("new")
    assert here.tools.find("gone__echo") is None
    refused = await here.tools.call(stale, {"words": "hello"})
    assert refused.certainty is DeliveryStatus.UNSENT
    assert "no longer configured" in refused.text
    assert is_alive(gone)
    here.go()
    assert (await under_way).text == str(gone)
    await until(lambda: not is_alive(gone))
    assert is_alive(same)


async def test_a_changed_server_is_replaced_while_the_calls_under_way_end_where_they_began(here: Running) -> None:
    here.write(odd=here.odd("odd"))
    await here.start()
    before, under_way = await here.pid("odd"), await here.under_way("odd")

    here.write(odd=here.odd("odd", exclude=["note"], channels=["C0123456789"], groups=["S0123456789"], timeout=7))
    await here.reloading.reload()

    # Its tools are there before it has started, as the new configuration wants them.
    echo = tool(here.tools, "odd__echo")
    assert here.tools.find("odd__note") is None
    assert echo.audience == Audience(("C0123456789",), (), ("S0123456789",))
    assert here.tools.groups == {"S0123456789"}
    after = await here.pid("odd")
    assert after != before
    assert is_alive(before)
    here.go()
    assert (await under_way).text == str(before)
    await until(lambda: not is_alive(before))
    assert await here.pid("odd") == after
    assert tool(here.tools, "odd__echo").digest == echo.digest


async def test_what_was_approved_for_one_program_does_not_run_in_its_successor(here: Running, tmp_path: Path) -> None:
    here.write(odd=here.odd("odd"))
    await here.start()
    approved = tool(here.tools, "odd__note")

    here.write(odd=here.odd("other"))
    await here.reloading.reload()
    refused = await here.tools.call(approved, {"words": "hello"})

    assert refused.certainty is DeliveryStatus.UNSENT
    assert "has changed since this call was made" in refused.text
    assert not (tmp_path / "odd").exists()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("{", "mcp.json is not valid JSON"),
        ('{"mcpServers": {"odd": {"command": 5, "colour": "red"}, "new": {"url": "x"}}}', "`mcpServers.new.url`"),
        ('{"mcpServers": {"odd": {"command": "${NOT_SET}"}}}', "needs the environment variable NOT_SET"),
        (None, "mcp.json is gone"),
    ],
)
async def test_a_file_with_a_mistake_changes_nothing_and_one_line_says_why(
    here: Running, caplog: pytest.LogCaptureFixture, file: str | None, why: str
) -> None:
    here.write(odd=here.odd("odd"))
    await here.start()
    before = await here.pid("odd")
    if file is None:
        (here.folder / "mcp.json").unlink()
    else:
        (here.folder / "mcp.json").write_text(file)
    caplog.clear()

    await here.reloading.reload()

    [line] = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.startswith("Nothing was reloaded, and the tool servers go on as before. MCP_CONFIG: ")
    assert why in line
    assert "until then" not in line
    assert await here.pid("odd") == before


async def test_a_mistake_of_the_start_does_not_keep_the_others_from_being_changed(here: Running) -> None:
    here.write(odd=here.odd("odd"), wrong={"command": ""})
    await here.start()

    here.write(odd=here.odd("odd"), wrong={"command": ""}, new=here.odd("new"))
    await here.reloading.reload()

    await here.tools.ready(20)
    assert await here.pid("new")


async def test_a_token_in_dotenv_is_read_again_and_reaches_the_successor(here: Running) -> None:
    (here.folder / ".env").write_text("TOKEN=old-secret\n")
    here.write(odd=here.odd("odd", env={"TOKEN": "${TOKEN}"}))
    await here.start()

    (here.folder / ".env").write_text("TOKEN=new-secret\n")
    await here.reloading.reload()

    process = (await call(here.tools, "odd__pid")).text
    assert b"TOKEN=new-secret" in Path(f"/proc/{process}/environ").read_bytes()


async def test_a_server_that_is_still_starting_is_replaced_and_calls_go_to_its_successor(here: Running) -> None:
    mute = python_server("start.py", "mute", key="odd")
    here.write(odd={"command": mute.command, "args": list(mute.args)})
    loaded = settings.load({}, here.folder, needed=False)
    configured = mcp_json.load(loaded.mcp_config, None, {})
    here.tools = make_toolset(configured.servers)
    await here.tools.start()
    here.reloading = Reloading(loaded, configured, here.tools, {}, here.folder)

    here.write(odd=here.odd("odd"))
    await here.reloading.reload()

    await here.tools.ready(20)
    assert (await call(here.tools, "odd__echo", words="hello")).text == "hello"


async def test_before_the_start_it_decides_what_is_started_and_after_the_end_it_starts_nothing(
    here: Running, tmp_path: Path
) -> None:
    configured = [python_server("odd.py", tmp_path / key, key=key) for key in ("one", "two", "three")]
    here.tools = make_toolset(configured[:1])
    await here.tools.launch()

    await here.tools.reconfigure(configured[1:2])
    await here.tools.start()
    await here.tools.ready(20)
    assert await here.pid("two")
    await here.tools.aclose()
    await here.tools.reconfigure(configured)

    assert [(each.key, each.state) for each in here.tools.states()] == [("two", "stopped")]


async def test_a_call_that_a_removed_server_has_not_answered_at_the_end_of_the_bot_is_unknown(here: Running) -> None:
    here.write(gone=here.odd("gone"))
    await here.start()
    pid, under_way = await here.pid("gone"), await here.under_way("gone")
    here.write()
    await here.reloading.reload()

    async with asyncio.timeout(5):
        await here.tools.aclose()

    assert (await under_way).certainty is DeliveryStatus.UNKNOWN
    assert not is_alive(pid)


async def test_the_guard_of_a_server_changes_with_its_folder(here: Running, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    servers = [mcp_json.load(None, folder).servers[0] for folder in folders]
    here.tools = make_toolset(servers[:1])
    before = here.tools.guard("filesystem")

    await here.tools.reconfigure(servers[1:])

    after = here.tools.guard("filesystem")
    assert isinstance(before, FilesystemGuard)
    assert isinstance(after, FilesystemGuard)
    assert after is not before
    await here.tools.reconfigure([])
    assert not isinstance(here.tools.guard("filesystem"), FilesystemGuard)


async def test_a_hangup_has_the_file_read_once_more_for_all_that_come_meanwhile(
    here: Running, caplog: pytest.LogCaptureFixture
) -> None:
    before = signal.getsignal(signal.SIGHUP)
    here.write(odd=here.odd("odd"))
    await here.start()
    try:
        sighup = SighupHandler()
        os.kill(os.getpid(), signal.SIGHUP)  # comes during the start: it is read afterwards
        sighup.listen(here.reloading.ask, lambda: pytest.fail("it is to go on"))
        caplog.set_level(logging.INFO)
        running = asyncio.create_task(here.reloading.run())
        await until(lambda: "MCP_CONFIG was read again: nothing has changed." in caplog.messages)
        caplog.clear()

        here.write(odd=here.odd("odd"), new=here.odd("new"))
        for _ in range(5):
            os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: here.tools.find("new__pid"))
        running.cancel()

        read = [each for each in caplog.messages if each.startswith("MCP_CONFIG was read again")]
        assert read[0] == "MCP_CONFIG was read again: added `new`."
        assert len(read) <= 2
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)
