"""A server is killed while fifty calls are under way: reads are made again and all return; of all others people read
that they may or may not have run, and none is made twice."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SERVER = Path(__file__).parents[1] / "unit" / "tools" / "servers" / "telling.py"
CALLS = 50


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    served: dict[str, object] = {"command": sys.executable, "args": [str(SERVER), str(tmp_path)], "trusted": True}
    served["max_concurrency"] = CALLS
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"rows": served}}))
    (tmp_path / "bot.toml").write_text('[[policy.rules]]\ntool = "push"\naction = "allow"\n')
    async with inside(tmp_path) as this:
        yield this


def journal(here: World) -> list[str]:
    path = here.bot.home / "journal"
    return path.read_text().splitlines() if path.exists() else []


async def killed(here: World, tool: str) -> str:
    """A turn with fifty calls under way, whose server is killed. Out: its thread."""
    made = [call(f"rows__{tool}", {"name": f"{number}"}) for number in range(CALLS)]
    here.model.script(calls(*made), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.until(lambda: len(journal(here)) == CALLS, what="all calls", poll=0.01)
    os.kill(int(journal(here)[0].split()[0]), signal.SIGKILL)
    (here.bot.home / "go").touch()
    return ts


async def test_fifty_reads_return_fifty_results(here: World) -> None:
    ts = await killed(here, "hold")
    await here.reply(ts, "All done.")
    assert here.bot.rows("SELECT outcome, count(*) FROM calls GROUP BY outcome") == [("ok", CALLS)]
    results = here.bot.rows("SELECT result FROM calls ORDER BY position")
    assert results == [(f"held {number}",) for number in range(CALLS)]
    assert here.bot.rows("SELECT 1 FROM questions") == []


async def test_fifty_changes_are_reported_as_unknown_and_none_is_repeated(here: World) -> None:
    ts = await killed(here, "push")
    await here.until(lambda: len(asked(here)) == CALLS, what="the questions", poll=0.01)
    await here.reply(ts, "may or may not have run")
    assert sorted(line.split()[1] for line in journal(here)) == sorted(map(str, range(CALLS))), "each was made once"
    assert here.bot.rows("SELECT state, attempts, count(*) FROM calls GROUP BY 1, 2") == [("unknown", 1, CALLS)]


def asked(here: World) -> list[tuple[int]]:
    return here.bot.rows("SELECT call FROM questions WHERE kind = 'did_it_run' AND decision = 'awaiting'")
