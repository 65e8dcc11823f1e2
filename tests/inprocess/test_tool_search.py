"""Tools that are found and called through two constant functions: everything but the request sees the real tool."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bot.core import indirect_calls
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SEARCHING = "[tools]\nsearch = true\n"
OWN = ["ask_person", "read_more"]
"""What the model needs not search for."""
WRITE, READ = "filesystem__write_file", "filesystem__read_text_file"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        (this.bot.home / "bot.toml").write_text(SEARCHING)
        await this.bot.start()
        yield this


def names(request: ChatRequest) -> list[str]:
    return [tool["function"]["name"] for tool in request.payload["tools"]]


def result(request: ChatRequest) -> str:
    """The newest result that a request contains."""
    return [str(message["content"]) for message in request.messages if message["role"] == "tool"][-1]


def written(here: World, content: str = "new\n") -> dict[str, Any]:
    return {"path": str(here.workspace / "a.md"), "content": content}


async def said(here: World, words: str = "<@BOT> go", answer: str = "All done.") -> str:
    ts = await here.slack.say(here.general, here.alice, words)
    await here.reply(ts, answer)
    await here.quiet()
    return ts


async def test_a_tool_is_found_called_approved_and_run_as_the_real_one(here: World) -> None:
    here.model.script(
        calls(call("search_tools", {"query": "write text to a file"})),
        calls(call("call_tool", {"name": WRITE, "arguments": written(here)})),
        text("All done."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write it")
    await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
    await here.quiet()
    card = here.replies(ts)[-1]
    assert "a.md" in card.plain
    assert "call_tool" not in card.plain
    assert "call tool" not in card.plain.casefold()
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "All done.")
    await here.quiet()
    assert (here.workspace / "a.md").read_text() == "new\n"

    first, second, third = here.model.requests
    assert names(first) == [*OWN, "search_tools", "call_tool"], "nothing else is defined"
    offered = json.loads(result(second).split("\n")[1])
    assert offered["name"] == WRITE
    assert set(offered["parameters"]["required"]) == {"path", "content"}
    rows = here.bot.rows("SELECT tool, server, remote_name, tier, outcome, arguments FROM calls ORDER BY id")
    assert rows[0][:5] == ("search_tools", "", "search_tools", "read", "ok")
    assert rows[1][:5] == (WRITE, "filesystem", "write_file", "destructive", "ok")
    assert json.loads(rows[1][5]) == written(here), "its own arguments, as they were shown"
    asked = [message for message in third.messages if message.get("tool_calls")][-1]["tool_calls"][0]["function"]
    assert asked == {"name": "call_tool", "arguments": json.dumps({"name": WRITE, "arguments": written(here)})}
    audited = here.bot.rows("SELECT * FROM audit")
    assert "call_tool" not in str(audited)
    assert any("Looked for a tool: write text to a file" in reply.plain for reply in here.replies(ts))


async def test_the_beginning_of_requests_stays_the_same_whatever_the_servers_offer(here: World) -> None:
    here.model.respond = lambda request: text("All done.")
    ts = await said(here)
    (here.bot.home / "bot.toml").write_text(f'{SEARCHING}[[policy.rules]]\ntool = "write_file"\naction = "deny"\n')
    await here.bot.stop()
    await here.bot.start()
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.until(lambda: len(here.model.requests) == 2, what="a request to the model", poll=0.01)
    await here.quiet()
    one, two = (request.body.partition(b'"messages":[')[0] for request in here.model.requests)
    assert one == two
    assert json.dumps(here.model.requests[0].payload["tools"]) == json.dumps(here.model.requests[1].payload["tools"])


async def test_a_policy_holds_for_the_tool_that_is_called(here: World) -> None:
    (here.bot.home / "bot.toml").write_text(f'{SEARCHING}[[policy.rules]]\ntool = "write_file"\naction = "deny"\n')
    await here.bot.stop()
    await here.bot.start()
    here.model.script(
        calls(call("search_tools", {"query": WRITE})),
        calls(call("call_tool", {"name": WRITE, "arguments": written(here)})),
        text("All done."),
    )
    await said(here)
    assert f'"name":"{WRITE}"' not in result(here.model.requests[1]), "what is not offered is not found"
    assert "policy of this workspace does not allow" in result(here.model.requests[2])
    assert not (here.workspace / "a.md").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("call_tool", {"name": "filesystem__reed_text_file", "arguments": {}}, f"Tools that come near: {READ}"),
        ("call_tool", {"arguments": {"path": "a.md"}}, "`name` is missing"),
        ("call_tool", {"name": READ, "arguments": "[1]"}, "are not a JSON object"),
        ("call_tool", {"name": READ, "arguments": {}}, "path"),
        ("search_tools", {"query": "zzzz"}, "No tool fits 'zzzz'. The tools are: filesystem__"),
        ("search_tools", {"query": ""}, "The tools are: filesystem__"),
    ],
)
async def test_what_cannot_be_called_is_said_with_what_can_be(
    here: World, name: str, arguments: dict[str, Any], says: str
) -> None:
    here.model.script(calls(call(name, arguments)), text("All done."))
    await said(here)
    assert says in result(here.model.requests[1])


async def test_other_ways_to_write_the_same_call_are_understood(here: World) -> None:
    (here.workspace / "a.md").write_text("the text\n")
    path = str(here.workspace / "a.md")
    ways = [
        call(READ, {"path": path}),
        call("call_tool", {"name": READ, "arguments": json.dumps({"path": path})}),
        call("call_tool", {"name": READ, "path": path}),
        call("call_tool", {"name": "functions.filesystem__read_text_file", "arguments": {"path": path}}),
        call("call_tool", {"name": "call_tool", "arguments": {"name": READ, "arguments": {"path": path}}}),
    ]
    here.model.script(*(calls(way) for way in ways), text("All done."))
    await said(here)
    assert here.bot.rows("SELECT DISTINCT tool, outcome, arguments FROM calls") == [
        (READ, "ok", json.dumps({"path": path}, separators=(",", ":")))
    ]
    assert len(here.model.requests) == len(ways) + 1


async def test_the_same_call_again_and_again_is_one_loop_however_it_is_made(here: World) -> None:
    missing = {"path": str(here.workspace / "missing.md")}
    here.model.respond = lambda request: (
        text("All done.")
        if request.payload.get("tool_choice") == "none"
        else calls(
            call(READ, missing)
            if len(here.model.requests) % 2
            else call("call_tool", {"name": READ, "arguments": missing})
        )
    )
    await said(here, answer="the same step kept failing")
    assert len(here.model.requests) == 6


async def test_a_thread_with_a_list_keeps_it_and_its_calls_when_searching_begins_elsewhere(here: World) -> None:
    (here.bot.home / "bot.toml").write_text("[tools]\nsearch = false\n")
    await here.bot.stop()
    await here.bot.start()

    def respond(request: ChatRequest) -> Answer:
        return text("All done.")

    here.model.respond = respond
    old = await said(here)
    (here.bot.home / "bot.toml").write_text(SEARCHING)
    await here.bot.stop()
    await here.bot.start()
    new = await said(here)
    for asked, ts in enumerate((old, new), 3):
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
        await here.until(lambda asked=asked: len(here.model.requests) == asked, what="the request", poll=0.01)
        await here.quiet()
    (here.bot.home / "bot.toml").write_text("")
    await here.bot.stop()
    await here.bot.start()
    await here.slack.say(here.general, here.alice, "and then?", thread_ts=new)
    await here.quiet()
    offered = [len(names(request)) for request in here.model.requests]
    assert offered[0] > 4
    assert offered == [offered[0], 4, offered[0], 4, 4]


async def test_tools_are_searched_for_when_their_definitions_take_too_much_of_the_context(here: World) -> None:
    here.model.respond = lambda request: text("All done.")
    for context, searched in ((1_000_000, False), (20_000, True)):
        (here.bot.home / "bot.toml").write_text(f"[models]\ncontext = {context}\n")
        await here.bot.stop()
        await here.bot.start()
        await said(here)
        assert (names(here.model.requests[-1]) == [*OWN, *indirect_calls.NAMES]) is searched


async def test_the_own_tools_are_called_under_their_own_names_beside_the_search(here: World) -> None:
    (here.bot.home / "bot.toml").write_text(f"{SEARCHING}resources = true\n")
    await here.bot.stop()
    await here.bot.start()
    (here.workspace / "long.md").write_text("a" * 50_000 + "the end")
    here.model.script(
        calls(call("read_resource", {"server": "filesystem", "uri": "file:///x"})),
        calls(call("call_tool", {"name": READ, "arguments": {"path": str(here.workspace / "long.md")}})),
        calls(call("read_more", {"result": "r2", "search": "the end"})),
        calls(call("ask_person", {"question": "Well?", "options": ["Yes", "No"]})),
        text("All done."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.until(lambda: any("Yes" in each.buttons for each in here.replies(ts)), what="a question")
    await here.quiet()
    [asked] = [each for each in here.replies(ts) if "Yes" in each.buttons]
    await here.slack.click(asked, "Yes", by=here.alice)
    await here.reply(ts, "All done.")
    own = ["ask_person", "list_resources", "read_resource", "read_more"]
    assert names(here.model.requests[0]) == [*own, *indirect_calls.NAMES]
    assert len({json.dumps(each.payload["tools"]) for each in here.model.requests}) == 1, "nothing changes on the way"
    results = [result(request) for request in here.model.requests[1:]]
    assert results[0].startswith("Error: This is not possible with the server filesystem: it refused: ")
    assert "the end" in results[2]
    assert results[3] == "Yes"


async def test_a_rule_about_a_server_holds_for_its_resources(here: World) -> None:
    rule = '[[policy.rules]]\nserver = "filesystem"\naction = "deny"\n'
    (here.bot.home / "bot.toml").write_text(f"[tools]\nresources = true\n{rule}")
    await here.bot.stop()
    await here.bot.start()
    here.model.script(calls(call("read_resource", {"server": "filesystem", "uri": "file:///x"})), text("All done."))
    await said(here)
    assert "policy of this workspace does not allow" in result(here.model.requests[1])
