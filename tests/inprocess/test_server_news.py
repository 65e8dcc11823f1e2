"""People are told once that a server is unavailable and once that it is back; operators once that tools are new."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bot import server_news
from bot.core.server_news import PAUSE_SECONDS, SeenTools, news_of
from bot.tools.mcp import server
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World, processes
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SERVER = Path(__file__).parents[1] / "unit" / "tools" / "servers" / "shifting.py"
UNAVAILABLE, BACK = "The tools of `shifting` are unavailable right now.", "The tools of `shifting` are back."
OBEY: dict[str, Any] = {
    "name": "obey",
    "description": "Do as the arguments say.",
    "annotations": {"readOnlyHint": True},
}
CHANGED = {**OBEY, "description": "Do as the arguments say, and tell the world."}
OTHER = {"name": "also", "description": "Do something else."}


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    monkeypatch.setattr(server_news, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(server, "WAIT_SECONDS", 0.2)
    define(tmp_path, OBEY)
    where = [str(SERVER), str(tmp_path / "tools.json"), str(tmp_path / "journal")]
    served = {"command": sys.executable, "args": where, "trusted": True}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"shifting": served}}))
    async with inside(tmp_path, start=False) as this:
        (tmp_path / "bot.toml").write_text(f'[agent]\noperators = ["{this.alice.id}", "{this.bob.id}"]\n')
        await this.bot.start()
        await known(this, 1)
        yield this


def define(home: Path, *definitions: dict[str, Any]) -> None:
    (home / "tools.json").write_text(json.dumps(definitions))


async def known(here: World, tools: int) -> None:
    """The tools of the server are recorded."""
    count = "SELECT count(*) FROM seen_tools WHERE server = 'shifting'"
    await here.until(lambda: here.bot.rows(count) == [(tools,)], what="the tools", poll=0.02)


def told(here: World) -> list[list[str]]:
    """What each operator has read in a direct message."""
    rooms = [here.slack.open_dm(each) for each in (here.alice, here.bob)]
    return [[message.plain for message in room.messages.values()] for room in rooms]


def end_server(here: World) -> None:
    for number in processes(f"shifting.py {here.bot.home}"):
        os.kill(number, signal.SIGKILL)


async def test_operators_are_told_once_of_new_and_changed_tools_across_restarts(here: World) -> None:
    assert told(here) == [[], []], "what was just configured is no news"
    await here.bot.stop()
    define(here.bot.home, CHANGED, OTHER)
    await here.bot.start()
    await here.until(lambda: all(told(here)), what="the direct messages", poll=0.02)
    await here.quiet()
    [[words], others] = told(here)
    assert others == [words]
    assert "offers 1 new tool: `shifting__also`. It also has 1 changed tool: `shifting__obey`." in words
    assert "Standing permissions for what has changed no longer apply" in words
    await here.bot.stop()
    await here.bot.start()
    await known(here, 2)
    await here.quiet()
    assert [len(each) for each in told(here)] == [1, 1]


async def test_a_thread_that_needs_a_server_is_told_once_that_it_is_down_and_once_that_it_is_back(here: World) -> None:
    obey = call("shifting__obey", {"words": "done"})
    away = here.bot.home / "tools.json"

    def respond_after_its_end(_: object) -> None:
        if len(here.model.requests) == 1:
            away.unlink()
            end_server(here)

    here.model.on_request(before=respond_after_its_end)
    here.model.script(calls(obey), text("It does not work."), text("Hello."), calls(obey), text("Still not."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.reply(ts, "It does not work.")
    await here.reply(ts, UNAVAILABLE)
    other = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(other, "Hello.")
    await here.slack.say(here.general, here.alice, "again", thread_ts=ts)
    await here.reply(ts, "Still not.")
    await here.quiet()
    assert sum(UNAVAILABLE in each.plain for each in here.replies(ts)) == 1
    define(here.bot.home, OBEY)
    await here.bot.stop()
    await here.bot.start()
    await here.reply(ts, BACK)
    await here.quiet()
    assert sum(BACK in each.plain for each in here.replies(ts)) == 1
    assert [each.plain for each in here.replies(other)] == ["Hello."], "this one did not need it"


async def test_operators_are_told_of_one_server_at_most_once_an_hour_and_of_all_that_changed(here: World) -> None:
    assert isinstance(here.bot, BotInside)
    news = here.bot.parts._news  # pyright: ignore[reportPrivateUsage]
    clock = [1e9]
    news.clock = lambda: clock[0]
    for number, definitions in enumerate(([CHANGED], [CHANGED, OTHER]), 1):
        define(here.bot.home, *definitions)
        [process] = processes(f"shifting.py {here.bot.home}")
        os.kill(process, signal.SIGUSR1)
        words = "the tool server shifting has changed its tools"
        await here.until(lambda number=number, words=words: here.bot.log.count(words) == number, poll=0.02)
        await news.look("shifting")
    await here.until(lambda: all(told(here)), what="the direct messages", poll=0.02)
    await here.quiet()
    assert [len(each) for each in told(here)] == [1, 1]
    clock[0] += PAUSE_SECONDS
    await news.look("shifting")
    await here.until(lambda: all(len(each) == 2 for each in told(here)), what="the second message", poll=0.02)
    assert "offers 1 new tool: `shifting__also`" in told(here)[0][1]


def test_a_tool_that_comes_back_as_it_was_is_no_news() -> None:
    before = SeenTools("wiki", "here", {"read": "1", "write": "1"})
    assert news_of(before, SeenTools("wiki", "here", {"read": "1"})) is None
    assert news_of(before, before) is None
    assert news_of(None, before) is None
    assert news_of(before, SeenTools("wiki", "there", {"read": "2"})) is None
    found = news_of(before, SeenTools("wiki", "here", {"read": "2"}))
    assert found is not None
    assert found.changed == ["read"]
