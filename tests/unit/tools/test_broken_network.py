"""A real server behind a proxy that breaks on command: each fault concerns only the requests that meet it, and all
else flows on, over the same connection and at the other servers."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.breaking_proxy import KINDS, BreakingProxy, Kind
from bot.core.tools import CallResult, DeliveryStatus
from bot.tools.mcp import server as server_module
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import HttpServer
from tests.unit.tools.far_server import FarServer
from tests.unit.tools.helpers import call, python_server, running, until

pytestmark = pytest.mark.anyio

UNSENT, UNKNOWN, OK = DeliveryStatus.UNSENT, DeliveryStatus.UNKNOWN, DeliveryStatus.OK
ENDS: dict[Kind, tuple[DeliveryStatus, str]] = {
    "refused": (UNSENT, "cannot be reached (connection refused). The call was not sent."),
    "reset": (UNKNOWN, "went away before it answered. The call may or may not have run."),
    "garbage": (UNKNOWN, "broke the connection off before it answered."),
    "401": (UNSENT, "did not accept the bot's credentials (HTTP 401). The call was not sent."),
    "404": (UNSENT, ". The call was not sent."),
    "503": (UNKNOWN, "is not available (HTTP 503)."),
    "html": (UNKNOWN, "such as a web page."),
    "cut_off": (UNKNOWN, "broke off before it answered."),
    "slow": (OK, "broken"),
    "silent": (UNKNOWN, "did not answer within 1.5 seconds."),
}
"""What a call comes to that meets a fault."""
RAN: set[Kind] = {"cut_off", "slow"}
"""The faults after which the call has reached the server."""


@dataclass
class Network:
    """Two servers: one behind the proxy, one beside it."""

    remote: FarServer
    proxy: BreakingProxy
    toolset: McpToolset

    async def look(self, words: str) -> CallResult:
        """Call the server behind the proxy."""
        return await call(self.toolset, "remote__look", words=words)

    async def others(self, while_: asyncio.Task[CallResult]) -> int:
        """Call the server beside it for as long as a call runs, one after the other. Out: how many there were."""
        made = 0
        while not while_.done() or not made:
            assert (await call(self.toolset, "beside__echo", words=f"{made}")).text == f"{made}"
            made += 1
        return made


@pytest.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Network]:
    folder = tmp_path_factory.mktemp("network")
    remote = FarServer(folder)
    try:
        async with BreakingProxy(await remote.start()) as proxy:
            url = f"http://127.0.0.1:{proxy.port}/mcp"
            behind = HttpServer("remote", url, legacy=True, trusted=True, call_seconds=1.5)
            beside = python_server("odd.py", folder / "beside", key="beside")
            async with running(behind, beside) as toolset:
                yield Network(remote, proxy, toolset)
    finally:
        await remote.kill()


@pytest.fixture
async def here(network: Network, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Network]:
    """Both servers, which are up, and no fault."""
    monkeypatch.setattr(server_module, "FIRST_PAUSE", 0.02)
    assert await network.toolset.ready(10) == []
    yield network
    await network.proxy.break_with(None)
    await until(lambda: all(each.state == "up" for each in network.toolset.states()), what="servers that are up again")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"refused", "404"}])
async def test_a_fault_is_the_business_of_the_requests_that_meet_it(here: Network, kind: Kind) -> None:
    status, words = ENDS[kind]
    before, began = here.remote.ran("broken"), time.monotonic()
    await here.proxy.break_with(kind, only=b'"broken"')
    broken = asyncio.create_task(here.look("broken"))
    others = asyncio.create_task(here.others(broken))
    assert [(await here.look("fine")).text for _ in range(3)] == ["fine"] * 3, "calls over the same connection"
    result = await broken
    assert (result.certainty, words in result.text) == (status, True), result.text
    assert await others >= 1
    assert here.remote.ran("broken") - before == (kind in RAN), "nothing is made again by the connection itself"
    lasting = time.monotonic() - began
    assert [each.state == "up" and each.seconds >= lasting for each in here.toolset.states()] == [True, True]


@pytest.mark.parametrize("kind", ["refused", "404"])
async def test_a_server_that_stays_away_is_said_to_and_nothing_is_sent(
    here: Network, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "WAIT_SECONDS", 0.2)
    status, words = ENDS[kind]
    before = here.remote.ran("broken")
    await here.proxy.break_with(kind)
    broken = asyncio.create_task(here.look("broken"))
    await here.others(broken)
    result = await broken
    assert result.certainty is status
    assert words in result.text
    # The first attempt finds the session gone, the next ones nobody at all.
    assert kind != "404" or "forgotten the session" in result.text or "(HTTP 404)" in result.text
    await here.proxy.break_with(None)
    assert here.remote.ran("broken") == before
    monkeypatch.setattr(server_module, "WAIT_SECONDS", 10.0)
    assert (await here.look("again")).text == "again"


async def test_a_call_waits_out_a_moment_in_which_nobody_listens_and_runs_once(here: Network) -> None:
    await here.proxy.break_with("refused")
    waiting = asyncio.create_task(here.look("patient"))
    await until(lambda: here.toolset.states()[0].state != "up", what="a server that is away")
    await here.proxy.break_with(None)
    assert (await waiting).text == "patient"
    assert here.remote.ran("patient") == 1


async def test_a_server_that_was_started_anew_gets_a_new_session_and_every_call_once(here: Network) -> None:
    assert (await here.look("first")).text == "first"
    await here.remote.kill()
    here.proxy.target = await here.remote.start()
    results = await asyncio.gather(*(here.look(f"after-{number}") for number in range(8)))
    assert [each.text for each in results] == [f"after-{number}" for number in range(8)]
    assert {here.remote.ran(f"after-{number}") for number in range(8)} == {1}


async def test_while_one_server_misbehaves_in_every_way_each_call_of_the_other_is_answered(
    here: Network, tmp_path: Path
) -> None:
    async with running(python_server("odd.py", tmp_path / "journal", call_seconds=2.0)) as odd:
        before = {each.key: each for each in here.toolset.states()}
        pid = int((await call(odd, "odd__pid")).text)

        async def misbehave() -> CallResult:
            names = ("junk", "not_utf8", "latin1", "half_emoji", "malformed", "mismatch", "wrong_block")
            await asyncio.gather(*(call(odd, f"odd__{name}") for name in names))
            await call(odd, "odd__big", megabytes=8)
            await call(odd, "odd__echo", words="\ud800")
            hanging = asyncio.create_task(call(odd, "odd__hang", words="hung"))
            await until((tmp_path / "journal").exists)
            os.kill(pid, signal.SIGKILL)
            assert (await hanging).certainty is UNKNOWN
            return await call(odd, "odd__echo", words="back")

        misbehaving = asyncio.create_task(misbehave())
        assert await here.others(misbehaving) > 50
        assert (await misbehaving).text == "back"
        assert [each.state for each in here.toolset.states()] == ["up", "up"]
        assert before["beside"].seconds < here.toolset.states()[1].seconds, "it was not started anew"
