"""The tool loop: every call answered, mistakes that the model can correct, limits that end a turn."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World, processes, steps, world
from tests.unit.tools.helpers import SERVERS

pytestmark = pytest.mark.anyio


def results(request: ChatRequest) -> list[str]:
    """The tool messages of the last step, in order."""
    messages = request.messages
    last = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
    return [message["content"] for message in messages[last:] if message["role"] == "tool"]


async def test_all_calls_of_a_step_run_and_are_answered_in_their_order(here: World) -> None:
    for name in ("a", "b", "c"):
        (here.workspace / f"{name}.txt").write_text(f"text of {name}")
    reads = [call("filesystem__read_text_file", {"path": str(here.workspace / f"{name}.txt")}) for name in "abc"]
    here.model.script(calls(*reads), text("Read."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read all")
    await here.reply(ts, "Read.")
    assert results(here.model.requests[1]) == ["text of a", "text of b", "text of c"]
    await here.quiet()
    [message] = here.replies(ts)
    folder = here.workspace.name
    assert [step.partition(" · ")[0] for step in steps(message)] == [
        f"complete: Read {folder}/{name}.txt" for name in "abc"
    ]
    assert [block["text"] for block in message.blocks if block["type"] == "markdown"] == ["Read."]


async def test_a_tool_that_is_not_there_is_answered_with_names_that_come_near(here: World) -> None:
    here.model.script(calls(call("filesystem__read_txt_file", {"path": "x"})), text("Fixed."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
    await here.reply(ts, "Fixed.")
    assert "filesystem__read_text_file" in results(here.model.requests[1])[0]


async def test_arguments_that_do_not_fit_the_schema_are_answered_before_anybody_is_asked(here: World) -> None:
    here.model.script(
        calls(call("filesystem__write_file", {"path": 7})),
        calls(call("filesystem__write_file", '{"path": "a.txt", "content": "cut o')),
        text("I give up."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "I give up.")
    assert "content" in results(here.model.requests[1])[0]
    assert "not a JSON object" in results(here.model.requests[2])[0]
    assert here.open_approvals(ts) == 0


async def test_a_tools_error_is_a_result_that_the_model_can_mend(here: World) -> None:
    (here.workspace / "right.txt").write_text("found")
    here.model.script(
        calls(call("filesystem__read_text_file", {"path": str(here.workspace / "wrong.txt")})),
        calls(call("filesystem__read_text_file", {"path": str(here.workspace / "right.txt")})),
        text("Found it."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
    await here.reply(ts, "Found it.")
    assert results(here.model.requests[1])[0].startswith("Error: ")
    assert results(here.model.requests[2]) == ["found"]
    await here.quiet()
    [message] = here.replies(ts)
    failed, worked = steps(message)
    assert failed == f"error: Couldn't read {here.workspace.name}/wrong.txt · not found"
    assert worked.startswith(f"complete: Read {here.workspace.name}/right.txt")


async def test_the_model_is_told_when_it_repeats_itself_and_made_to_answer_when_it_goes_on(here: World) -> None:
    def respond(request: ChatRequest) -> Answer:
        if request.tool_choice == "none":
            return text("It does not exist.")
        return calls(call("filesystem__read_text_file", {"path": str(here.workspace / "none.txt")}))

    here.model.respond = respond
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
    answer = await here.reply(ts, "It does not exist.")
    assert "the same step kept failing" in answer.plain
    assert len(here.model.requests) == 6
    assert "call number 2" in results(here.model.requests[2])[0]
    assert here.model.requests[-1].tools == here.model.requests[0].tools


async def test_a_limit_of_steps_ends_the_turn_with_an_answer_and_a_word_to_the_person(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[limits]\nsteps = 3\n")

    def respond(request: ChatRequest) -> Answer:
        if request.tool_choice == "none":
            return text("This is what I have.")
        return calls(call("filesystem__list_directory", {"path": (tmp_path / "workspace").as_posix()}), text="Next")

    async with world(tmp_path) as here:
        here.model.respond = respond
        ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
        answer = await here.reply(ts, "This is what I have.")
        assert "I stopped after 3 steps" in answer.plain
        assert "limit of steps" in here.model.requests[3].messages[-1]["content"]
        assert len(here.model.requests) == 4


async def test_calls_in_a_closing_turn_are_not_run(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[limits]\nsteps = 1\n")
    async with world(tmp_path) as here:
        write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "x"})
        here.model.script(
            calls(call("filesystem__list_allowed_directories", {})), calls(write, text="I would write."), text("Bye.")
        )
        ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
        await here.reply(ts, "I would write.")
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
        await here.reply(ts, "Bye.")
        assert here.bot.rows("SELECT count(*) FROM questions") == [(0,)]


async def test_every_function_offered_fits_the_strictest_provider_in_a_constant_order(here: World) -> None:
    here.model.script(text("Hi."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Hi.")
    names = [tool["function"]["name"] for tool in here.model.requests[0].tools]
    assert names == sorted(names)
    assert "filesystem__read_text_file" in names
    assert len(names) == 15


def configure(home: Path, **servers: dict[str, Any]) -> None:
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


SERVER = f"""
import os, sys
sys.path.insert(0, {str(SERVERS)!r})
from raw import RawServer, text

def environment(_):
    "Show the environment."
    return text(" ".join(f"{{key}}={{value}}" for key, value in sorted(os.environ.items())))

def ping_all(_):
    "Say hello to everybody."
    return text("<!channel> <@U0SB0000001> @here hello")

server = RawServer()
for each in (environment, ping_all):
    server.tool(each, annotations={{"readOnlyHint": True}})
server.serve()
"""


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_configured_server_gets_its_own_environment_and_its_hints_count_only_when_trusted(
    tmp_path: Path, trusted: bool
) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    configure(
        tmp_path,
        notes={
            "command": sys.executable,
            "args": [str(tmp_path / "server.py")],
            "env": {"NOTES": "${NOTES_DIR:-/notes}"},
            "trusted": trusted,
        },
    )
    async with world(tmp_path) as here:
        here.model.script(calls(call("notes__environment", {})), text("Shown."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> show")
        if not trusted:
            card = await here.reply(ts, "Waiting for you")
            await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(ts, "Shown.")
        environment = results(here.model.requests[1])[0]
        assert "NOTES=/notes" in environment
        for secret in (here.slack.bot_token, here.slack.app_token, here.model.api_key, "SLACK_", "OPENROUTER"):
            assert secret not in environment
        await here.quiet()


async def test_nothing_that_a_tool_or_a_model_writes_can_ping(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    configure(tmp_path, notes={"command": sys.executable, "args": [str(tmp_path / "server.py")], "trusted": True})
    async with world(tmp_path) as here:
        here.model.script(
            calls(call("notes__ping_all", {})),
            text(f"<!channel> <!here> <!everyone> <@{here.bob.id}> <!subteam^S012345|@all> @channel `<!channel>`"),
        )
        ts = await here.slack.say(here.general, here.alice, "<@BOT> ping")
        await here.reply(ts, "channel")
        await here.quiet()
        [message] = here.replies(ts)
        assert message.pings == []
        assert len(steps(message)) == 1


async def test_a_killed_server_is_started_again_and_reads_that_were_cut_off_run_again(here: World) -> None:
    (here.workspace / "a.txt").write_text("still here")
    here.model.script(
        calls(call("filesystem__list_allowed_directories", {})),
        calls(call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")})),
        text("Read."),
    )

    def kill_the_server(request: ChatRequest) -> None:
        if len(here.model.requests) == 2:
            for number in processes(f"index.js {here.workspace.parent}"):
                os.kill(number, signal.SIGKILL)

    here.model.on_request(before=kill_the_server)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
    await here.reply(ts, "Read.")
    assert results(here.model.requests[2]) == ["still here"]


async def test_a_server_that_cannot_start_is_named_and_the_rest_works(tmp_path: Path) -> None:
    configure(tmp_path, broken={"command": "no-such-program-anywhere"})
    async with world(tmp_path) as here:
        here.model.script(text("Hello."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
        await here.reply(ts, "The tools of `broken` are unavailable right now")
        await here.reply(ts, "Hello.")
        here.model.script(text("Still here."))
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
        await here.reply(ts, "Still here.")
        assert sum("broken" in reply.plain for reply in here.replies(ts)) == 1


async def test_a_time_limit_ends_the_turn_with_an_answer_and_waiting_for_a_person_does_not_count(
    tmp_path: Path,
) -> None:
    (tmp_path / "bot.toml").write_text("[limits]\nturn_seconds = 2\n")
    async with world(tmp_path) as here:
        write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "x"})
        here.model.script(
            calls(write), calls(call("filesystem__list_allowed_directories", {}), first_token=2.1), text("That is all.")
        )
        ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
        card = await here.reply(ts, "Waiting for you")
        limit = time.monotonic() + 2.1
        await here.until(lambda: time.monotonic() > limit, poll=0.05, what="a person who thinks longer than the limit")
        await here.slack.click(card, "Approve", by=here.alice)
        answer = await here.reply(ts, "That is all.")
        assert "time limit" in answer.plain
        assert [request.tool_choice for request in here.model.requests] == ["auto", "auto", "none"]
