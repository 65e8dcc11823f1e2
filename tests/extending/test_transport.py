"""A transport that is added from outside carries whole turns, and what it says of a request is what people are told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mcp.shared.message import SessionMessage

from bot.tools.mcp import server as mcp_server
from bot.tools.mcp.transports.registry import standard
from bot.tools.toolset import make_toolset
from slack_sandbox.openrouter import call
from tests.extending.keyvalue import KeyValueServer
from tests.extending.sockets import SocketConnection, SocketServer, SocketTransport
from tests.harness import World
from tests.inprocess.world import BotInside, inside
from tests.process.asking import answered, ask, asked, says

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[KeyValueServer]:
    async with KeyValueServer(tmp_path / "kv.sock") as this:
        yield this


@pytest.fixture
async def here(server: KeyValueServer, tmp_path: Path) -> AsyncGenerator[World]:
    """A bot with the filesystem server, over stdio, and the key-value server, over its socket."""
    home = tmp_path / "bot"
    home.mkdir()
    reached = SocketServer("kv", server.path, trusted=True)
    async with inside(home, start=False) as this:
        assert isinstance(this.bot, BotInside)
        this.bot.toolset_of = lambda servers: make_toolset(
            [*servers, reached], transports={**standard(), SocketServer: SocketTransport}
        )
        await this.bot.start()
        yield this


async def test_a_turn_runs_over_it_beside_servers_over_stdio(here: World, server: KeyValueServer) -> None:
    server.values["colour"] = "blue"
    (here.workspace / "a.txt").write_text("beside it")
    read = call("filesystem__read_text_file", {"path": "a.txt"})
    ts = await ask(here, call("kv__get", {"key": "colour"}), read, call("kv__set", {"key": "shape", "value": "round"}))
    [card] = await asked(here, ts)
    assert server.sets == []
    await here.slack.click(card, "Approve", by=here.alice)
    assert await answered(here, ts) == ["blue", "beside it", "set"]
    assert server.values == {"colour": "blue", "shape": "round"}
    offered = [tool["function"]["name"] for tool in here.model.requests[-1].tools]
    assert offered[-2:] == ["kv__get", "kv__set"]


async def test_a_call_that_was_written_before_the_server_hung_up_is_asked_about(
    here: World, server: KeyValueServer
) -> None:
    server.on_set = lambda key: server.hang_up()
    ts = await ask(here, call("kv__set", {"key": "colour", "value": "red"}))
    [card] = await asked(here, ts)
    await here.slack.click(card, "Approve", by=here.alice)
    await says(here, card, " approved")
    [question] = await asked(here, ts)
    assert "went away before it answered. The call may or may not have run." in question.plain
    server.on_set = lambda key: None
    await here.slack.click(question, "Skip", by=here.alice)
    await answered(here, ts)
    assert server.sets == ["colour"]

    again = await ask(here, call("kv__get", {"key": "colour"}))
    assert await answered(here, again) == ["red"], "over the next connection"
    assert server.connections == 2


async def test_a_call_that_was_not_written_is_made_once_over_the_next_connection(
    here: World, server: KeyValueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ts = await ask(here, call("kv__set", {"key": "colour", "value": "red"}))
    [card] = await asked(here, ts)
    send = SocketConnection.send

    async def lost(connection: SocketConnection, item: SessionMessage) -> None:
        if getattr(item.message, "method", "") == "tools/call" and server.connections == 1:
            connection.drop()
        await send(connection, item)

    monkeypatch.setattr(SocketConnection, "send", lost)
    await here.slack.click(card, "Approve", by=here.alice)
    assert await answered(here, ts) == ["set"]
    assert (server.sets, server.connections) == (["colour"], 2)


async def test_the_model_reads_why_the_server_cannot_be_reached_in_the_words_of_the_transport(
    here: World, server: KeyValueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_server, "WAIT_SECONDS", 0.05)
    await here.until(lambda: "server kv is up" in here.bot.log, what="the first connection", poll=0.01)
    await server.stop()
    gone = "The tool server `kv` is not running: nobody listens at its socket."
    await here.until(lambda: gone in here.bot.log, what="the next attempt", poll=0.01)
    ts = await ask(here, call("kv__get", {"key": "colour"}))
    [told] = await answered(here, ts)
    assert f"{gone} The call was not sent." in told
    await here.reply(ts, "The tools of `kv` are unavailable right now.")


async def test_a_call_that_may_be_repeated_is_broken_off_when_the_question_is_deleted(
    here: World, server: KeyValueServer
) -> None:
    server.answers.clear()
    ts = await ask(here, call("kv__get", {"key": "colour"}))
    await here.until(lambda: server.begun, poll=0.001)
    await here.slack.delete(here.general, ts, here.alice)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM turns WHERE outcome = 'stopped'"), poll=0.001)
    assert here.bot.rows("SELECT state, outcome FROM calls") == [("finished", "stopped")]
    assert len(here.model.requests) == 1


async def test_a_call_that_changes_something_is_not_waited_for_when_the_question_is_deleted(
    here: World, server: KeyValueServer
) -> None:
    ts = await ask(here, call("kv__set", {"key": "colour", "value": "red"}))
    [card] = await asked(here, ts)
    server.answers.clear()
    await here.slack.click(card, "Approve", by=here.alice)
    await here.until(lambda: server.begun, poll=0.001)
    await here.slack.delete(here.general, ts, here.alice)
    stopped = await here.reply(ts, "Stopped, because the message that asked for this was deleted.")
    server.answers.set()
    await here.quiet()
    assert here.bot.rows("SELECT state, outcome FROM calls") == [("finished", "unresolved")]
    assert here.bot.rows("SELECT outcome, stopped_by FROM turns") == [("stopped", "question deleted")]
    assert "May have been done, or in part: Set: colour." in stopped.plain
