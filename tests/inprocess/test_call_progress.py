"""How far a running call is stands beside its step, in its server's words, which are data."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SERVER = Path(__file__).parents[1] / "unit" / "tools" / "servers" / "telling.py"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    served = {"command": sys.executable, "args": [str(SERVER), str(tmp_path)], "trusted": True}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"rows": served}}))
    (tmp_path / "bot.toml").write_text("[limits]\nprogress_after_seconds = 0.01\nprogress_every_seconds = 0.02\n")
    async with inside(tmp_path) as this:
        yield this


async def test_a_step_says_how_far_it_is_until_it_is_done(here: World) -> None:
    here.model.script(calls(call("rows__count", {})), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    first = await here.reply(ts, "40 of 120")
    assert "Importing <!channel> *rows* · 40 of 120" in first.plain, "as it is: nobody is notified, nothing is bold"
    (here.bot.home / "after-40").touch()
    await here.reply(ts, "80 of 120")
    (here.bot.home / "after-80").touch()
    last = await here.reply(ts, "All done.")
    await here.quiet()
    assert last.ts == first.ts
    assert "of 120" not in last.plain
