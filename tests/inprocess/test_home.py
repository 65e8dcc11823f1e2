"""The app's Home lists what waits for a person and what of theirs waits, and stops what is theirs."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.model import Person, View
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


async def ask(here: World) -> str:
    write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "a"})
    here.model.script(calls(write), text("Written."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Waiting for you")
    return ts


async def opened(here: World, person: Person) -> View:
    published = len([each for each in here.slack.calls if each.method == "views.publish"])
    await here.slack.open_home(person)
    await here.until(lambda: len([each for each in here.slack.calls if each.method == "views.publish"]) > published)
    home = here.slack.home(person)
    assert home is not None
    return home


async def test_the_requester_sees_what_waits_and_stops_it_there(here: World) -> None:
    ts = await ask(here)
    home = await opened(here, here.alice)
    assert "Create a.txt?" in str(home.blocks)
    assert f"archives/{here.general.id}/p" in str(home.blocks)
    await here.slack.click(home, "Stop", by=here.alice)
    await here.reply(ts, "Stopped. Nothing was changed.")
    await here.quiet()
    assert not (here.workspace / "a.txt").exists()
    assert "Nothing is waiting" in str((await opened(here, here.alice)).blocks)


async def test_others_see_nothing_of_it_and_a_forged_button_stops_nothing_of_theirs(here: World) -> None:
    ts = await ask(here)
    theirs = await opened(here, here.bob)
    assert "write_file" not in str(theirs.blocks)
    home = await opened(here, here.alice)
    [stop] = [block["accessory"] for block in home.blocks if "accessory" in block]
    for value in (stop["value"], "7", "{}", '{"t": "1"}', '{"t": 99}'):
        payload = {
            "type": "block_actions",
            "user": {"id": here.bob.id, "team_id": here.slack.team_id},
            "team": {"id": here.slack.team_id},
            "trigger_id": "1.2.3",
            "container": {"type": "view", "view_id": theirs.id},
            "view": theirs.data,
            "actions": [{"action_id": "home.stop", "block_id": "turn-1", "type": "button", "value": value}],
        }
        assert await here.slack.click_raw(payload, "Stop", by=here.bob) is not None
    await here.quiet()
    assert here.open_approvals(ts) == 1


async def test_operators_see_the_state_of_each_tool_server_and_others_do_not(here: World) -> None:
    (here.bot.home / "bot.toml").write_text(f'[agent]\noperators = ["{here.alice.id}"]\n')
    gone = {"command": "no-such-program"}
    filesystem = {"command": sys.executable, "args": ["-c", "import sys; sys.exit('no disk')"]}
    (here.bot.home / "mcp.json").write_text(json.dumps({"mcpServers": {"gone": gone, "ends": filesystem}}))
    await here.bot.stop()
    await here.bot.start()
    await here.until(lambda: "gone" in here.bot.log and "no disk" in here.bot.log, what="both ends", poll=0.02)
    home = str((await opened(here, here.alice)).blocks)
    assert "gone: down for " in home
    assert "the command `no-such-program` was not found" in home
    assert "last words: no disk" in home
    assert "Tool servers" not in str((await opened(here, here.bob)).blocks)
