"""What people approve, grant, enter or choose for a tool server is for that server as it is configured: another one
that gets its key, by a reload or with the next start, is asked for nothing on the strength of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
import yaml
from mcp.server.mcpserver import MCPServer

from bot.core.json_text import canonical
from bot.core.ports import toolset
from bot.tools.mcp.toolset import McpToolset
from bot.tools.mcp.transports.registry import standard
from bot.tools.toolset import make_toolset
from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, Call, ChatRequest, call, calls, text
from tests.attacks.conftest import window
from tests.harness import World
from tests.inprocess.asking_server import Asking, AskingServer, AskingTransport
from tests.inprocess.files import near_transports
from tests.inprocess.test_prompts import chosen, fields, opened
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
MANIFEST = Path(__file__).parents[2] / "manifest.yml"
POLICY = """
[tools]
resources = true

[[policy.rules]]
action = "allow"
server = "notes"
tool = ["book", "linger"]
"""


@dataclass
class Notes(Asking):
    """A server, and what was asked of it."""

    asked: list[str] = field(default_factory=list[str])
    _grown: MCPServer | None = None

    def server(self) -> MCPServer:
        made = super().server()
        if made is self._grown:
            return made
        self._grown = made

        @made.resource("note://a", name="note")
        def note() -> str:
            self.asked.append("note://a")
            return "words of a"

        @made.prompt()
        def review(language: str) -> str:
            self.asked.append(f"review {language}")
            return f"Review this {language}"

        @made.tool()
        def write(words: str) -> str:
            self.asked.append(f"write {words}")
            return "written"

        return made


@dataclass(frozen=True, slots=True)
class Placed(AskingServer):
    """A server with an address."""

    place: str = "here"

    def identity(self) -> Sequence[object]:
        return (self.key, self.place)


@dataclass
class Bound:
    """A bot whose server can be replaced by another one with the same key."""

    here: World
    first: Placed
    other: Placed
    tools: list[McpToolset] = field(default_factory=list[McpToolset])
    now: Placed | None = None

    async def start(self) -> None:
        def made(_: object) -> McpToolset:
            transports = {**standard(), **near_transports("-"), Placed: AskingTransport}
            self.tools.append(make_toolset([self.now or self.first], transports=transports))
            return self.tools[-1]

        cast(BotInside, self.here.bot).toolset_of = made
        await self.here.bot.start()

    async def reload(self) -> None:
        """Another configuration is read while the bot runs."""
        self.now = self.other
        await self.tools[-1].reconfigure([self.other])
        assert not await self.tools[-1].ready(10)

    async def restart(self) -> None:
        """The bot ends, and starts with another configuration."""
        self.now = self.other
        await self.here.bot.stop()
        await self.here.bot.start()
        await self.here.ready()

    async def turn(self, *wanted: Call, thread: str | None = None) -> str:
        def respond(request: ChatRequest) -> Answer:
            return text("All done.") if request.messages[-1]["role"] == "tool" else calls(*wanted)

        self.here.model.respond = respond
        return await self.here.slack.say(self.here.general, self.here.alice, "<@BOT> go", thread_ts=thread)

    async def card(self, ts: str, button: str = "Approve", *, quiet: bool = True) -> Message:
        await self.here.until(
            lambda: [each for each in self.here.replies(ts) if button in each.buttons], what=button, poll=0.01
        )
        if quiet:
            await self.here.quiet()
        return [each for each in self.here.replies(ts) if button in each.buttons][-1]

    def of(self, server: Placed) -> list[str]:
        """What a server was asked for, without what it was only asked on the way."""
        notes = cast(Notes, server.asking)
        return [*notes.asked, *(f"answer {each[0]['action']}" for each in notes.answers)]


@pytest.fixture
async def bound(tmp_path: Path) -> AsyncGenerator[Bound]:
    async with inside(tmp_path, start=False) as here:
        here.slack.install(yaml.safe_load(MANIFEST.read_text()))
        (tmp_path / "bot.toml").write_text(POLICY)
        first, other = Placed("notes", asking=Notes(), calls_at_once=1), Placed("notes", asking=Notes(), place="there")
        yield Bound(here, first, other)


WRITE, READ = call("notes__write", {"words": "x"}), call("read_resource", {"server": "notes", "uri": "note://a"})
Between = Callable[[], Awaitable[None]]


async def approved(bound: Bound, between: Between, wanted: Call) -> None:
    """An approval: shown, then clicked."""
    ts = await bound.turn(wanted)
    card = await bound.card(ts)
    await between()
    await bound.here.slack.click(card, "Approve", by=bound.here.alice)
    await bound.here.reply(ts, "has changed since the request was shown")
    # Approved for what it is now, it runs.
    await bound.here.slack.click(await bound.card(ts), "Approve", by=bound.here.alice)
    await bound.here.reply(ts, "All done.")
    assert bound.of(bound.other) == ["note://a" if wanted is READ else "write x"]
    cast(Notes, bound.other.asking).asked.clear()


async def approved_and_waiting(bound: Bound, between: Between, wanted: Call) -> None:
    """An approval: clicked, and the call still waits for room at its server."""
    linger = await bound.turn(call("notes__linger", {}))
    tools = bound.tools[-1]
    places = tools._servers["notes"].concurrency._places  # pyright: ignore[reportPrivateUsage]
    await bound.here.until(places.locked, what="a full server", poll=0.01)
    ts = await bound.turn(wanted)
    await bound.here.slack.click(await bound.card(ts, quiet=False), "Approve", by=bound.here.alice)
    clicked = "SELECT 1 FROM questions WHERE decision = 'approved'"
    await bound.here.until(lambda: bound.here.bot.rows(clicked), what="the click", poll=0.01)
    await between()
    bound.first.asking.run_on.set()
    if bound.tools[-1] is tools:
        await bound.here.reply(linger, "All done.")
    await bound.here.quiet()  # it is asked about again, or has ended
    assert bound.here.bot.rows("SELECT count(*) FROM calls WHERE outcome = 'ok' AND tool <> 'notes__linger'") == [(0,)]


async def granted(bound: Bound, between: Between, wanted: Call) -> None:
    """A standing grant: given, and then a call that it covers."""
    ts = await bound.turn(wanted)
    await bound.here.slack.click(await bound.card(ts), "Always…", by=bound.here.alice)
    [view] = await bound.here.until(lambda: bound.here.slack.modals(bound.here.alice), what="the window")
    await bound.here.slack.submit(bound.here.alice, view, {"scope": {"value": "same"}})
    await bound.here.reply(ts, "All done.")
    await bound.turn(wanted, thread=ts)
    await bound.here.until(lambda: len(bound.of(bound.first)) == 2, what="a call that the grant covers", poll=0.01)
    await bound.here.slack.open_home(bound.here.alice)
    await bound.here.quiet()
    assert bound.here.bot.rows("SELECT count(*) FROM grants WHERE ended = ''") == [(1,)], "the Home keeps it"
    await between()
    await bound.turn(wanted, thread=ts)
    await bound.card(ts)


async def answered(bound: Bound, between: Between, _: Call) -> None:
    """An answer: asked for by one server."""
    ts = await bound.turn(call("notes__book", {"day": "Friday"}))
    message = await bound.card(ts, "Answer…")
    await between()
    view = await window(bound.here, message, "Answer…", bound.here.alice)
    await bound.here.slack.submit(bound.here.alice, view, {"field.f0": {"value": "3"}})
    await bound.here.reply(ts, "All done.")


async def entered(bound: Bound, between: Between, _: Call) -> None:
    """A prompt: chosen in a window, with its arguments."""
    bound.here.model.respond = lambda request: text("All done.")
    view = await chosen(bound.here, await opened(bound.here), "review")
    await between()
    field = fields(view)["language"]
    await bound.here.slack.submit(bound.here.alice, view, {field: {"value": "secret plans"}})
    await bound.here.until(lambda: bound.here.model.requests, what="a request", poll=0.01)
    assert "configured differently now" in str(bound.here.model.requests[-1].messages)
    await bound.here.quiet()


THINGS = {
    "a call": (approved, WRITE),
    "a resource": (approved, READ),
    "a waiting call": (approved_and_waiting, WRITE),
    "a waiting resource": (approved_and_waiting, READ),
    "a grant for a call": (granted, WRITE),
    "a grant for a resource": (granted, READ),
    "an answer": (answered, WRITE),
    "a prompt": (entered, WRITE),
}


AT_A_START = ("a resource", "a waiting resource", "a grant for a resource", "an answer", "a prompt")
CASES = [*((thing, "reload") for thing in THINGS), *((thing, "restart") for thing in AT_A_START)]


@pytest.mark.parametrize(("thing", "change"), CASES)
async def test_what_people_have_allowed_for_one_server_does_not_reach_another_one(
    bound: Bound, thing: str, change: str
) -> None:
    allow, wanted = THINGS[thing]
    await bound.start()
    await allow(bound, bound.reload if change == "reload" else bound.restart, wanted)
    assert bound.of(bound.other) == []


async def test_a_grant_for_the_resource_of_one_server_survives_a_call_about_another_one(bound: Bound) -> None:
    """Their calls have one tool, and digests of their own."""
    beside = replace(bound.other, key="beside", asking=Notes())

    def both(_: object) -> McpToolset:
        return make_toolset([bound.first, beside], transports={**standard(), Placed: AskingTransport})

    cast(BotInside, bound.here.bot).toolset_of = both
    await bound.here.bot.start()
    ts = await bound.turn(READ)
    await bound.here.slack.click(await bound.card(ts), "Always…", by=bound.here.alice)
    [view] = await bound.here.until(lambda: bound.here.slack.modals(bound.here.alice), what="the window")
    await bound.here.slack.submit(bound.here.alice, view, {"scope": {"value": "same"}})
    await bound.here.reply(ts, "All done.")
    await bound.card(await bound.turn(call("read_resource", {"server": "beside", "uri": "note://a"})))
    assert bound.here.bot.rows("SELECT count(*) FROM grants WHERE ended = ''") == [(1,)]
    assert bound.of(beside) == []


async def test_a_changed_call_is_bound_to_the_server_that_its_arguments_name_now(bound: Bound) -> None:
    """An edit replaces the server whose resource is read: the new card is about that one."""
    beside = replace(bound.other, key="beside", asking=Notes())

    def both(_: object) -> McpToolset:
        bound.tools.append(make_toolset([bound.first, beside], transports={**standard(), Placed: AskingTransport}))
        return bound.tools[-1]

    cast(BotInside, bound.here.bot).toolset_of = both
    await bound.here.bot.start()
    ts = await bound.turn(READ)
    view = await window(bound.here, await bound.card(ts), "Edit…", bound.here.alice)
    server = next(each["block_id"] for each in view.blocks if each["type"] == "input" and "erver" in str(each["label"]))
    await bound.here.slack.submit(bound.here.alice, view, {server: {"value": "beside"}})
    await bound.here.quiet()
    await bound.here.slack.click(await bound.card(ts), "Approve", by=bound.here.alice)
    await bound.here.reply(ts, "All done.")
    assert (bound.of(bound.first), bound.of(beside)) == ([], ["note://a"])


async def test_a_change_while_a_resource_is_about_to_be_read_is_noticed(bound: Bound) -> None:
    """The last look is in the same moment as the choice of the session."""
    await bound.start()
    arguments = {"server": "notes", "uri": "note://a"}
    tool = toolset.bound(bound.tools[-1], "read_resource", canonical(arguments))
    assert tool is not None
    await bound.reload()
    result = await asyncio.wait_for(bound.tools[-1].call(tool, arguments), 5)
    assert "it is configured differently now than when this call was made" in result.text
    assert bound.of(bound.other) == []
