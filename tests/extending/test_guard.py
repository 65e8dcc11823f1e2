"""A guard that is added from outside for a server that is not the filesystem's: preview, drift, order and undo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import pytest

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.ports.change_guard import ChangeGuard, Claim, Footprint, GuardedServer
from bot.core.tools import Preview, Tool, Undone, UndoSnapshot
from bot.tools.mcp.transports.registry import standard
from bot.tools.server_config import CALLS_AT_ONCE, ServerConfig
from bot.tools.toolset import GUARDS, make_toolset
from slack_sandbox.model import Message
from slack_sandbox.openrouter import call
from tests.extending.keyvalue import KeyValueServer
from tests.extending.sockets import SocketServer, SocketTransport
from tests.harness import World
from tests.inprocess.world import BotInside, inside
from tests.process.asking import answered, ask, asked, says

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


class KeyValueGuard(ChangeGuard):
    """Knows what `set` does to a value, and asks the server itself for what it looks at."""

    def __init__(self, server: GuardedServer) -> None:
        self._server = server

    @classmethod
    def of(cls, config: ServerConfig, server: GuardedServer) -> KeyValueGuard | None:
        return cls(server) if config.key == "kv" and config.trusted else None

    def footprint(self, tool: Tool, arguments: JsonObject, *, in_order: bool) -> Footprint | None:
        changes = tool.remote_name == "set"
        return Footprint(changes, partial(_claim, arguments["key"]), "keys") if changes or in_order else None

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        if tool.remote_name != "set":
            return None
        key, value, now = arguments["key"], arguments["value"], await self._value(arguments["key"])
        broken = f"{key} is {value} already." if value == now else ""
        return Preview(sha256(key, now), f"Changes {key} from {now} to {value}.", broken=broken)

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        return sha256(arguments["key"], await self._value(arguments["key"])) if tool.remote_name == "set" else ""

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        if tool.remote_name != "set":
            return None
        return UndoSnapshot(canonical({"key": arguments["key"], "was": await self._value(arguments["key"])}))

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        return sha256(await self._value(json.loads(before.plan)["key"]))

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        plan = json.loads(before.plan)
        key, was = plan["key"], plan["was"]
        async with self._server.alone(await _claim(key)):
            now = await self._value(key)
            if now == was and again:
                return Undone(True, "It was already as before.")
            if sha256(now) != after:
                return Undone(False, f"{key} has changed since, so I left it alone.")
            setter = self._server.tool("set")
            assert setter is not None
            await self._server.call(setter, {"key": key, "value": was})
        return Undone(True, f"{key} is {was} again.")

    async def _value(self, key: str) -> str:
        getter = self._server.tool("get")
        assert getter is not None
        return (await self._server.call(getter, {"key": key})).text


async def _claim(key: str) -> Claim:
    return frozenset({f"kv:{key}"})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[KeyValueServer]:
    async with KeyValueServer(tmp_path / "kv.sock") as this:
        this.values.update(colour="blue", shape="round")
        yield this


@pytest.fixture
async def here(server: KeyValueServer, tmp_path: Path) -> AsyncGenerator[World]:
    home = tmp_path / "bot"
    home.mkdir()
    reached = SocketServer("kv", server.path, trusted=True)
    async with inside(home, start=False) as this:
        assert isinstance(this.bot, BotInside)
        this.bot.toolset_of = lambda servers: make_toolset(
            [*servers, reached],
            transports={**standard(), SocketServer: SocketTransport},
            guards=[*GUARDS, KeyValueGuard.of],
        )
        await this.bot.start()
        yield this


async def wanted(here: World, **arguments: str) -> tuple[str, Message]:
    """Have the model want a value set; out: the thread and the card."""
    ts = await ask(here, call("kv__set", arguments))
    [card] = await asked(here, ts)
    return ts, card


async def test_people_see_what_would_change_and_can_take_it_back(here: World, server: KeyValueServer) -> None:
    ts, card = await wanted(here, key="colour", value="red")
    assert "Changes colour from blue to red." in card.plain
    await here.slack.click(card, "Approve", by=here.alice)
    await answered(here, ts)
    assert server.values["colour"] == "red"
    await here.until(lambda: "Undo" in card.buttons, what="the offer to undo")
    await here.slack.click(card, "Undo", by=here.alice)
    await says(here, card, "colour is blue again.")
    assert server.values == {"colour": "blue", "shape": "round"}


async def test_what_has_changed_since_it_was_shown_is_not_run_but_asked_about_again(
    here: World, server: KeyValueServer
) -> None:
    ts, card = await wanted(here, key="colour", value="red")
    server.values["colour"] = "green"
    await here.slack.click(card, "Approve", by=here.alice)
    await says(here, card, "so I ask again below")
    [fresh] = await asked(here, ts)
    assert "Changes colour from green to red." in fresh.plain
    assert server.sets == []
    await here.slack.click(fresh, "Approve", by=here.alice)
    await answered(here, ts)
    assert server.sets == ["colour"]


async def test_what_has_changed_since_it_ran_is_not_taken_back(here: World, server: KeyValueServer) -> None:
    ts, card = await wanted(here, key="colour", value="red")
    await here.slack.click(card, "Approve", by=here.alice)
    await answered(here, ts)
    await here.until(lambda: "Undo" in card.buttons, what="the offer to undo")
    server.values["colour"] = "green"
    await here.slack.click(card, "Undo", by=here.alice)
    await says(here, card, "colour has changed since, so I left it alone.")
    assert server.values["colour"] == "green"


async def test_a_call_that_would_fail_is_told_the_model_and_nobody_is_asked(here: World) -> None:
    ts = await ask(here, call("kv__set", {"key": "colour", "value": "blue"}))
    [told] = await answered(here, ts)
    assert "as things are now this would fail: colour is blue already." in told


async def test_a_guard_can_look_while_calls_have_all_the_room_there_is(server: KeyValueServer) -> None:
    reached = SocketServer("kv", server.path, trusted=True)
    tools = make_toolset([reached], transports={SocketServer: SocketTransport}, guards=[KeyValueGuard.of])
    await tools.start()
    try:
        await tools.ready(10)
        getter, setter = tools.find("kv__get"), tools.find("kv__set")
        assert getter is not None
        assert setter is not None
        held = [await tools.acquire(getter, {"key": "colour"}) for _ in range(CALLS_AT_ONCE)]
        assert await tools.try_acquire(getter, {"key": "colour"}) is None
        async with asyncio.timeout(5):
            assert await tools.guard("kv").basis(setter, {"key": "colour"}) == sha256("colour", "blue")
        for each in held:
            each.release()
    finally:
        await tools.aclose()


async def test_calls_about_the_same_key_exclude_each_other_and_no_others(server: KeyValueServer) -> None:
    reached = SocketServer("kv", server.path, trusted=True, call_seconds=0.05)
    tools = make_toolset([reached], transports={SocketServer: SocketTransport}, guards=[KeyValueGuard.of])
    await tools.start()
    try:
        await tools.ready(10)
        setter = tools.find("kv__set")
        assert setter is not None
        red, square = {"key": "colour", "value": "red"}, {"key": "shape", "value": "square"}
        held = await tools.acquire(setter, red)
        assert await tools.try_acquire(setter, red) is None
        other = await tools.try_acquire(setter, square)
        assert other is not None
        other.release()
        held.release()
        again = await tools.try_acquire(setter, red)
        assert again is not None
        again.release()
    finally:
        await tools.aclose()
