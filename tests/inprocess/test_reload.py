"""What an open request is bound to when the servers are configured again while it waits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import ServerConfig, StdioServer
from slack_sandbox.openrouter import call, calls, text
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


async def test_an_approval_does_not_hold_for_a_server_that_has_replaced_the_one_it_was_given_for(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path, start=False) as here:
        assert isinstance(here.bot, BotInside)
        made: list[tuple[McpToolset, StdioServer]] = []
        make = here.bot.toolset_of

        def kept(servers: Sequence[ServerConfig]) -> McpToolset:
            [server] = servers
            assert isinstance(server, StdioServer)
            made.append((make(servers), server))
            return made[0][0]

        here.bot.toolset_of = kept
        await here.bot.start()
        here.model.script(calls(call("filesystem__write_file", {"path": "new.txt", "content": "new\n"})), text("Done."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
        [(tools, server)] = made
        other = tmp_path / "other"
        other.mkdir()

        await tools.reconfigure([dataclasses.replace(server, args=(*server.args[:-1], str(other)), cwd=other)])
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "has changed since the request was shown")

        assert here.open_approvals(ts) == 1
        assert not (here.workspace / "new.txt").exists()
        assert not (other / "new.txt").exists()
        # Approved for what it is now, it runs there.
        await here.quiet()
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "Done.")
        assert (other / "new.txt").read_text() == "new\n"
        assert not (here.workspace / "new.txt").exists()
