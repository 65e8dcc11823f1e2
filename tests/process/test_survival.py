"""Kills, restarts, repeats and bursts."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import ROOT, World, world
from tests.stamps import unstamped

SERVERS = ROOT / "tests" / "unit" / "tools" / "servers"
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_eight_deliveries_of_one_event_across_a_restart_give_one_answer(here: World) -> None:
    here.model.script(text("Once."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Once.")
    events = [sent.event_id or "" for sent in here.slack.envelopes if ts in str(sent.payload["event"].get("ts"))]
    assert len(events) == 2
    await here.slack.redeliver(events[0], times=3)
    await here.until(lambda: all(sent.acked_at for sent in here.slack.envelopes), what="every ack")
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await here.slack.redeliver(events[1], times=3)
    await here.until(lambda: all(sent.acked_at for sent in here.slack.envelopes), what="every ack")
    await here.quiet()
    assert len(here.model.requests) == 1
    assert len(here.replies(ts)) == 1


async def test_a_message_that_is_said_while_the_bot_is_down_is_answered(here: World) -> None:
    await here.bot.kill()
    here.model.script(text("I was away."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> are you there?")
    await here.bot.start()
    await here.reply(ts, "I was away.")


async def test_an_approval_given_after_a_restart_runs_that_very_call_without_asking_the_model_again(
    here: World,
) -> None:
    target = here.workspace / "a.txt"
    here.model.script(calls(call("filesystem__write_file", {"path": str(target), "content": "kept"})), text("Written."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    card = await here.reply(ts, "Waiting for you")
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    assert not target.exists()
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "Written.")
    assert target.read_text() == "kept"
    assert len(here.model.requests) == 2


@pytest.mark.parametrize("choice", ["It ran", "Run again", "Skip"])
async def test_a_call_that_was_cut_off_may_or_may_not_have_run_and_a_person_says(tmp_path: Path, choice: str) -> None:
    (tmp_path / "server.py").write_text(SLOW)
    async with world(tmp_path, MCP_CONFIG=slow_server(tmp_path)) as here:
        here.model.script(calls(call("slow__count", {"step": 1})), text("Counted."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> count")
        card = await here.reply(ts, "Waiting for you")
        await here.slack.click(card, "Approve", by=here.alice)
        ran = tmp_path / "runs"
        await here.model.until(ran.exists, what="the call to be running")
        await here.bot.kill()
        (tmp_path / "fast").touch()
        await here.bot.start()
        await here.ready()  # what is owed is posted before the socket opens
        question = await here.card(ts, "It ran", "Run again", "Skip")
        assert question.buttons == ["It ran", "Run again", "Skip"]
        assert "it may or may not have run" in question.plain
        assert len(here.model.requests) == 1
        await here.slack.click(question, choice, by=here.alice)
        await here.reply(ts, "Counted.")
        await here.quiet()
        result = here.model.requests[1].messages[-1]["content"]
        assert {"It ran": "did run", "Run again": "counted", "Skip": "may or may not"}[choice] in result
        assert ran.read_text() == "run" * (2 if choice == "Run again" else 1)


async def test_a_call_that_nobody_can_vouch_for_in_time_is_never_said_not_to_have_run(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SLOW)
    async with world(tmp_path, MCP_CONFIG=slow_server(tmp_path)) as here:
        here.model.script(calls(call("slow__count", {"step": 1})), text("Unclear."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> count")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.model.until((tmp_path / "runs").exists, what="the call to be running")
        await here.bot.kill()
        # Only the question that follows is open for a moment: the request before it is approved in time, also on a
        # busy machine.
        (tmp_path / "bot.toml").write_text("[limits]\napproval_hours = 0.0008\nsweep_seconds = 0.2\n")
        await here.bot.start()
        await here.reply(ts, "Unclear.")
        await here.quiet()
        assert any("it may or may not have run" in str(post.args) for post in here.posts())
        assert "may or may not have run" in here.model.requests[1].messages[-1]["content"]
        assert "Nobody said in time whether it ran" in " ".join(reply.plain for reply in here.replies(ts))
        assert (tmp_path / "runs").read_text() == "run"


async def test_a_thread_with_tool_calls_goes_on_while_its_server_is_away(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.model.script(calls(call("filesystem__list_allowed_directories", {})), text("Listed."), text("Welcome."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> list")
        await here.reply(ts, "Listed.")
        await here.quiet()
        await here.bot.stop()
        (tmp_path / "away.json").write_text('{"mcpServers": {"filesystem": {"command": "no-such-program"}}}')
        await here.bot.start(MCP_CONFIG=str(tmp_path / "away.json"))
        await here.ready()
        await here.slack.say(here.general, here.alice, "thanks!", thread_ts=ts)
        await here.reply(ts, "Welcome.")
        assert here.model.requests[2].tools == here.model.requests[0].tools
        await here.reply(ts, "The tools of `filesystem` are unavailable right now")


async def test_a_risky_call_whose_server_dies_is_not_repeated_but_asked_about(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SLOW)
    async with world(tmp_path, MCP_CONFIG=slow_server(tmp_path)) as here:
        here.model.script(calls(call("slow__count", {"step": 9})), text("Counted."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> count")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        question = await here.card(ts, "Skip")
        assert "it may or may not have run" in question.plain
        assert (tmp_path / "runs").read_text() == "run"
        await here.slack.click(question, "Skip", by=here.alice)
        await here.reply(ts, "Counted.")
        assert (tmp_path / "runs").read_text() == "run"


async def test_sigterm_drains_lets_a_running_call_finish_and_goes_on_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SLOW)
    async with world(tmp_path, MCP_CONFIG=slow_server(tmp_path)) as here:
        here.model.script(calls(call("slow__count", {"step": 2})), text("Counted."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> count")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.model.until((tmp_path / "runs").exists, what="the call to be running")
        begun = time.monotonic()
        assert await here.bot.stop() == 0
        assert time.monotonic() - begun < 15
        assert here.bot.rows("SELECT outcome FROM calls") == [("ok",)]
        await here.bot.start()
        await here.reply(ts, "Counted.")
        assert (tmp_path / "runs").read_text() == "run"


async def test_sigterm_during_a_silent_model_ends_within_fifteen_seconds_and_the_message_is_answered_later(
    here: World,
) -> None:
    here.model.script(text("Late.", first_token=30), text("In time."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.model.until(lambda: here.model.requests, what="the request")
    begun = time.monotonic()
    assert await here.bot.stop() == 0
    assert time.monotonic() - begun < 15
    await here.bot.start()
    await here.reply(ts, "In time.")
    assert len(here.replies(ts)) == 1


@pytest.mark.alone
async def test_three_hundred_mentions_at_once_are_all_answered_once_and_acked_within_a_second(
    tmp_path: Path,
) -> None:
    def respond(request: ChatRequest) -> Answer:
        last = request.messages[-1]
        if last["role"] == "tool":
            return text(f"It says: {last['content']}")
        number = unstamped(str(last["content"])).rpartition(" ")[2]
        return calls(call("filesystem__read_text_file", {"path": f"{here.workspace}/{number}.txt"}))

    async with world(tmp_path, LOG_LEVEL="info") as here:
        for number in range(300):
            (here.workspace / f"{number}.txt").write_text(f"content of {number}")
        here.model.respond = respond
        threads = await asyncio.gather(
            *(here.slack.say(here.general, here.alice, f"<@BOT> read {number}") for number in range(300))
        )

        def answered() -> bool:
            query = "SELECT count(*) FROM posts WHERE kind = 'turn' AND final AND state = 'posted' AND shown = revision"
            return here.bot.rows(query) == [(300,)]

        await here.until(answered, 60, "300 answers", poll=0.1)
        for number, ts in enumerate(threads):
            answers = [reply for reply in here.replies(ts) if "It says:" in reply.plain]
            assert len(answers) == 1
            assert f"content of {number}" in answers[0].plain
        assert len(here.model.requests) == 600
        late = [
            sent.acked_at - sent.sent_at
            for sent in here.slack.envelopes
            if sent.type == "events_api" and sent.acked_at and sent.sent_at
        ]
        assert max(late) < 1.0
        assert all(sent.attempts == 1 for sent in here.slack.envelopes)


async def test_a_lost_socket_is_opened_again_and_what_was_said_meanwhile_is_answered(here: World) -> None:
    here.model.script(text("Back."))
    await here.slack.drop_sockets()
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Back.", timeout=40)
    here.slack.disconnect("refresh_requested")
    here.model.script(text("And again."))
    await here.slack.say(here.general, here.alice, "still there?", thread_ts=ts)
    await here.reply(ts, "And again.", timeout=40)
    assert len(here.model.requests) == 2


async def test_what_cannot_be_written_down_is_not_acked_and_is_answered_when_it_can(here: World) -> None:
    here.errors_expected = True
    assert here.bot.process is not None
    number = here.bot.process.pid
    unlimited = resource.prlimit(number, resource.RLIMIT_FSIZE)
    resource.prlimit(number, resource.RLIMIT_FSIZE, (65_536, unlimited[1]))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> " + "x" * 30_000)
    await here.until(lambda: "StoreError" in here.bot.log, poll=0.05, what="a refusal in the log")
    assert not any(sent.acked_at for sent in here.slack.envelopes)
    resource.prlimit(number, resource.RLIMIT_FSIZE, unlimited)
    here.model.script(text("Now it fits."))
    await here.reply(ts, "Now it fits.")
    await here.quiet()
    assert len(here.replies(ts)) == 1


SLOW = '''
import os, pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from raw import RawServer, text
home = pathlib.Path(__file__).parent
server = RawServer()

def count(arguments):
    """Count a run; slowly the first time. Dies at 9."""
    step = arguments["step"]
    with open(home / "runs", "a") as runs:
        runs.write("run")
    if step == 9:
        os._exit(1)
    end = time.monotonic() + (0 if (home / "fast").exists() else 2 if step == 2 else 20)
    while time.monotonic() < end:
        time.sleep(0.05)
    return text("counted")

step = {"type": "object", "properties": {"step": {"type": "integer"}}, "required": ["step"]}
server.tool(count, inputSchema=step)
server.serve()
'''


def slow_server(home: Path) -> str:
    path = home / "mcp.json"
    entry = {"command": sys.executable, "args": [str(home / "server.py"), str(SERVERS)]}
    path.write_text(json.dumps({"mcpServers": {"slow": entry}}))
    return str(path)


STUBBORN = """
import runpy, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.path.insert(0, sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
time.sleep(1000)
"""


async def test_sigterm_ends_within_fifteen_seconds_whatever_does_not_answer(tmp_path: Path) -> None:
    """A call that never ends, a server that does not let itself be ended, and a Slack that is silent."""
    (tmp_path / "server.py").write_text(STUBBORN)
    odd = {"command": sys.executable, "args": ["server.py", str(SERVERS), str(SERVERS / "odd.py"), "journal"]}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"odd": {**odd, "cwd": str(tmp_path)}}}))
    async with world(tmp_path, MCP_CONFIG=str(tmp_path / "mcp.json")) as here:
        here.model.script(calls(call("odd__hang", {"words": "once"})), text("Never said."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hang")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.model.until((tmp_path / "journal").exists, what="the call to be running")
        here.slack.faults.add("*", "hang", times=None)
        begun = time.monotonic()
        assert await here.bot.stop() == 0
        assert time.monotonic() - begun < 15
        here.slack.faults.clear()
