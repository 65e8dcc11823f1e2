"""What is cut of a result can be read on: in parts or by a search, in its own thread alone, also after a restart."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

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
    async with inside(tmp_path) as this:
        yield this
        # The list of tools changes once in a thread, at its first long result.
        breaks = this.model.prefix_breaks
        assert {each.what for each in breaks} <= {"tools"}
        assert len({each.session_id for each in breaks}) == len(breaks)
        breaks.clear()


def names(here: World, request: int) -> list[str]:
    """The tools that a request offered."""
    return [tool["function"]["name"] for tool in here.model.requests[request].tools]


def told(here: World) -> list[str]:
    """The results of calls, as the model's last request has them."""
    return [str(each["content"]) for each in here.model.requests[-1].messages if each["role"] == "tool"]


async def turn(here: World, *steps: tuple[str, dict[str, Any]], ts: str = "") -> str:
    """A turn with these calls, one a step. Out: its thread."""
    here.model.reset()
    here.model.script(*(calls(call(tool, arguments)) for tool, arguments in steps), text("All done."))
    said = await here.slack.say(here.general, here.alice, "<@BOT> go", thread_ts=ts or None)
    await here.until(lambda: len(here.model.requests) == len(steps) + 1, what="the answer", poll=0.01)
    await here.quiet()
    return ts or said


async def test_the_model_reads_on_in_a_result_that_was_cut(here: World) -> None:
    ts = await turn(
        here,
        ("rows__list_all", {}),
        ("read_more", {"result": "r1", "from": 40_000}),
        ("read_more", {"result": "r1", "search": "THE NEEDLE"}),
        ("read_more", {"result": "r1", "from": 10**9}),
    )
    cut, part, found, end = told(here)
    assert "characters left out" in cut
    assert cut.endswith("Read on with read_more: result r1]")
    assert part.startswith("[Characters 40000 to 80000 of")
    assert "read on from 80000]" in part
    assert "the needle" in found
    assert len(found) < 600
    assert end.startswith("[The result ends at")
    assert "read_more" not in names(here, 0), "nothing was cut yet"
    assert all("read_more" in names(here, number) for number in range(1, 5))
    assert here.bot.rows("SELECT remote_name, attempts FROM calls WHERE tool = 'read_more'") == [("read_more", 0)] * 3
    assert here.bot.rows("SELECT 1 FROM questions") == []

    await here.bot.kill()
    await here.bot.start()
    await turn(here, ("read_more", {"result": "r1", "from": 100_000}), ts=ts)
    assert told(here)[-1].startswith("[Characters 100000 to")


async def test_another_thread_reads_nothing_of_it(here: World) -> None:
    await turn(here, ("rows__list_all", {}))
    await turn(here, ("read_more", {"result": "r1", "from": 0}), ("rows__list_all", {}), ("read_more", {"result": "1"}))
    foreign, _, neither = told(here)
    assert "there is no such result in this thread" in foreign
    assert "give `result` as it stands" in neither
    assert "read_more" not in names(here, 0)


async def test_what_is_no_longer_kept_is_said_to_be(here: World) -> None:
    ts = await turn(here, ("rows__list_all", {}))
    [folder] = [path for path in here.bot.home.iterdir() if path.name.endswith(".files")]
    shutil.rmtree(folder)
    await here.bot.kill()
    await here.bot.start()
    await turn(here, ("read_more", {"result": "r1", "from": 0}), ts=ts)
    assert "is no longer kept" in told(here)[-1]
