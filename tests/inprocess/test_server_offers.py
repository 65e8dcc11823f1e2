"""Prompts and resources of tool servers, over sessions of both eras."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Prompt
from mcp_types import CallToolResult, ResourceLink

from bot.core import own_tools, server_offers
from bot.core.json_text import canonical
from bot.core.policy.rules import Tier, repeatable, tier
from bot.core.ports.toolset import bound
from bot.core.questions import scope
from bot.core.tools import Audience, CallResult, DeliveryStatus
from bot.tools.mcp.toolset import McpToolset
from bot.tools.toolset import make_toolset
from slack_sandbox.openrouter import call, calls, text
from tests.inprocess.asking_server import Asking, AskingServer, AskingTransport
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
USER, CHANNEL = "U0SB0000005", "C0SB0000001"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Counting(MCPServer):
    """Counts how often its prompts are listed."""

    lists = 0

    async def list_prompts(self) -> Any:
        self.lists += 1
        return await super().list_prompts()


@dataclass
class Offering(Asking):
    """A server with prompts and resources."""

    def server(self) -> Counting:
        if isinstance(self._made, Counting):
            return self._made
        made = self._made = Counting("offering")

        @made.prompt()
        def first() -> str:
            return "first"

        @made.tool()
        async def grow(context: Context) -> str:
            """Offer one prompt more."""

            def second() -> str:
                return "second"

            made.add_prompt(Prompt.from_function(second))
            if context.session.protocol_version < "2026":
                await context.session.send_prompt_list_changed()
            else:
                await context.notify_prompts_changed()
            return "grown"

        @made.tool()
        def find() -> CallToolResult:
            """Find a note."""
            return CallToolResult(content=[ResourceLink(type="resource_link", name="A note", uri="note://a")])

        @made.resource("note://a", name="A note", description="Of a")
        def note() -> str:
            return "words of a"

        @made.resource("note://long", name="Long")
        def long() -> str:
            return "x" * 50_000

        @made.resource("note://picture", mime_type="image/png")
        def picture() -> bytes:
            return PICTURE

        @made.resource("note://by/{name}")
        def by(name: str) -> str:
            return f"by {name}"

        return made


@asynccontextmanager
async def started(*servers: AskingServer) -> AsyncGenerator[McpToolset]:
    tools = McpToolset(servers, transports={AskingServer: AskingTransport})
    tools.offer(own_tools.offered(asks=False, resources=True))
    await tools.start()
    try:
        assert not await tools.ready(10)
        yield tools
    finally:
        await tools.aclose()


async def names(tools: McpToolset, user: str = USER) -> list[str]:
    found = await tools.offers.prompts(CHANNEL, user, frozenset())
    assert not found.problems
    return [each.name for each in found.prompts]


async def called(tools: McpToolset, name: str, **arguments: object) -> CallResult:
    tool = bound(tools, name, canonical(arguments))
    assert tool is not None
    return await tools.call(tool, arguments)


@pytest.mark.parametrize("legacy", [False, True])
async def test_prompts_are_listed_again_only_once_their_server_says_that_they_have_changed(legacy: bool) -> None:
    asking = Offering()
    async with started(AskingServer("notes", asking=asking, legacy=legacy)) as tools:
        assert await names(tools) == ["first"]
        while (
            not (before := asking.server().lists) or await names(tools) != ["first"] or before != asking.server().lists
        ):
            pass  # a subscription may have begun meanwhile
        assert (await called(tools, "notes__grow")).text == "grown"
        async with asyncio.timeout(5):
            while await names(tools) != ["first", "second"]:
                await asyncio.sleep(0)
        assert asking.server().lists == before + 1


async def test_more_prompts_than_fit_are_cut_and_odd_ones_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Offering()
    made = asking.server()
    for number in range(server_offers.MAX_PROMPTS + 5):
        made.add_prompt(Prompt.from_function(lambda: "", name=f"p{number}"))
    made.add_prompt(Prompt.from_function(lambda: "", name="x" * 201))
    async with started(AskingServer("notes", asking=asking)) as tools:
        assert len(await names(tools)) == server_offers.MAX_PROMPTS


async def test_resources_are_listed_and_read_by_two_tools() -> None:
    async with started(AskingServer("my notes", asking=Offering())) as tools:
        listed = await called(tools, "list_resources", server="my_notes")
        assert listed.certainty is DeliveryStatus.OK
        assert "- note://a (A note · text/plain · Of a)" in listed.text
        assert "- note://by/{name} (by" in listed.text
        read = await called(tools, "read_resource", server="my notes", uri="note://a")
        assert "words of a" in read.text
        assert "by x" in (await called(tools, "read_resource", server="my notes", uri="note://by/x")).text
        long = await called(tools, "read_resource", server="my notes", uri="note://long")
        assert len(long.text) <= 40_000 < len(long.whole), "the rest can be read on"
        picture = await called(tools, "read_resource", server="my notes", uri="note://picture")
        assert [each.media for each in picture.media] == ["image/png"]


async def test_what_does_not_exist_is_said_clearly() -> None:
    async with started(
        AskingServer("notes", asking=Offering()),
        AskingServer("hidden", asking=Offering(), audience=Audience(users=("U0OTHER",))),
        AskingServer("asking", asking=Asking()),
    ) as tools:
        unknown = await called(tools, "read_resource", server="nots", uri="note://a")
        assert unknown.certainty is DeliveryStatus.ERROR
        assert unknown.text == (
            "This is not possible with the server nots: there is none of this name. There are: notes, asking."
        )
        missing = await called(tools, "read_resource", server="notes", uri="note://none")
        assert missing.certainty is DeliveryStatus.ERROR
        assert "it refused: " in missing.text


async def test_a_result_says_how_what_it_links_to_can_be_read() -> None:
    async with started(AskingServer("notes", asking=Offering())) as tools:
        found = (await called(tools, "notes__find")).text
        assert found == "[link to A note note://a]\n[What is linked to can be read with read_resource: server notes]"
        tools.offer([])
        assert (await called(tools, "notes__find")).text == "[link to A note note://a]"


async def test_a_call_for_a_resource_is_judged_as_one_of_its_server() -> None:
    audience = Audience(users=(USER,))
    async with started(AskingServer("notes", asking=Offering(), audience=audience)) as tools:
        tool = tools.find("read_resource")
        assert tool is not None
        meant = tools.meant(tool, {"server": "notes", "uri": "note://a"})
        assert meant == replace(tool, server="notes", audience=audience, trusted=False, digest=meant.digest)
        assert tier(meant) is Tier.DESTRUCTIVE
        assert not repeatable(meant), "what an untrusted server says of itself does not count"
        assert tools.meant(tool, {"server": "none"}) is tool


async def test_a_resource_of_a_server_that_is_not_trusted_is_read_only_once_somebody_has_approved(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path, start=False) as here:
        (here.bot.home / "bot.toml").write_text("[tools]\nresources = true\n")
        bot, server = cast(BotInside, here.bot), AskingServer("notes", asking=Offering())
        bot.toolset_of = lambda _: make_toolset([server], transports={AskingServer: AskingTransport})
        await here.bot.start()
        here.model.script(calls(call("read_resource", {"server": "notes", "uri": "note://a"})), text("All done."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
        await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
        assert here.bot.rows("SELECT tier, repeatable, attempts FROM calls") == [("destructive", 0, 0)]
        await here.quiet()
        [card] = [each for each in here.replies(ts) if "Approve" in each.buttons]
        await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(ts, "All done.")
        assert "words of a" in str(here.model.requests[-1].messages)


async def test_reading_resources_waits_for_a_place_among_the_calls_of_their_server() -> None:
    async with started(AskingServer("my notes", asking=Offering(), calls_at_once=1)) as tools:
        arguments = {"server": "my_notes", "uri": "note://a"}
        tool = bound(tools, "read_resource", canonical(arguments))
        assert tool is not None
        held = await tools.try_acquire(tool, arguments)
        assert held is not None
        assert await tools.try_acquire(tool, arguments) is None
        assert "words of a" in (await tools.call(tool, arguments, held)).text, "it has its place already"
        held.release()
        (await tools.acquire(tool, arguments)).release()
        assert await tools.try_acquire(tool, {"server": "none"}) is not None, "the model gets the reason"


async def test_a_grant_for_a_resource_can_cover_nothing_but_the_same_call() -> None:
    async with started(AskingServer("notes", asking=Offering())) as tools:
        tool, arguments = tools.find("read_resource"), {"server": "notes", "uri": "note://a"}
        assert tool is not None
        known = await tools.guard(tool.server).offers(tool, arguments)
        assert [each.scope for each in scope.offered(known, arguments)] == [scope.SAME]
