"""The answer to a call over HTTP is cut off after the server has done what it was asked for: what only reads is asked
for again, by a request of its own; about anything else people are asked."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.breaking_proxy import BreakingProxy
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside
from tests.unit.tools.far_server import FarServer

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@dataclass
class Far:
    """A bot whose server is behind a proxy."""

    here: World
    server: FarServer
    proxy: BreakingProxy

    async def cut_off(self, tool: str) -> str:
        """A turn with a call whose answer is cut off, once. Out: its thread."""
        await self.proxy.break_with("cut_off", only=b'"hello"', times=1)
        self.here.model.script(calls(call(f"far__{tool}", {"words": "hello"})), text("All done."))
        return await self.here.slack.say(self.here.general, self.here.alice, "<@BOT> go")

    def requests(self) -> list[str]:
        """The ids of the requests that have reached the server."""
        return [line.split()[2] for line in self.server.journal.read_text().splitlines()]


@pytest.fixture
async def far(tmp_path: Path) -> AsyncGenerator[Far]:
    server = FarServer(tmp_path)
    try:
        async with BreakingProxy(await server.start()) as proxy:
            entry = {"url": f"http://127.0.0.1:{proxy.port}/mcp", "trusted": True, "protocol": "legacy"}
            (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"far": entry}}))
            (tmp_path / "bot.toml").write_text('[[policy.rules]]\ntool = "send"\naction = "allow"\n')
            async with inside(tmp_path) as here:
                yield Far(here, server, proxy)
    finally:
        await server.kill()


async def test_a_read_is_made_again_under_a_new_id(far: Far) -> None:
    ts = await far.cut_off("look")
    await far.here.reply(ts, "All done.")
    first, second = far.requests()
    assert first != second
    assert far.here.bot.rows("SELECT outcome, result FROM calls") == [("ok", "hello")]
    assert far.here.bot.rows("SELECT 1 FROM questions") == []


async def test_a_change_is_not_made_again_and_people_are_asked(far: Far) -> None:
    ts = await far.cut_off("send")
    card = await far.here.card(ts, "It ran", "Run again", "Skip")
    assert len(far.requests()) == 1
    await far.here.slack.click(card, "It ran", by=far.here.alice)
    await far.here.reply(ts, "All done.")
    assert len(far.requests()) == 1
