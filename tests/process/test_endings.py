"""Every request ends, once, and its card says how: in time, by a person, or because things have changed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from slack_sandbox.journal import ApiCall
from slack_sandbox.model import Message
from slack_sandbox.openrouter import Call, call, calls, text
from tests import standin
from tests.harness import World, world
from tests.process.asking import END, answered, ask, asked, cards, decide, edit, says, told
from tests.process.turns import whispered
from tests.unit.tools.helpers import SERVERS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

SERVER = f"""
import os, pathlib, sys, time
sys.path.insert(0, {str(SERVERS)!r})
from raw import RawServer, text
home = pathlib.Path(__file__).parent
server = RawServer()

def hold(arguments):
    "Begin, and end as the file says that appears then."
    name = arguments["name"]
    (home / f"{{name}}.began").touch()
    while not (home / name).exists():
        time.sleep(0.02)
    if (home / name).is_dir():
        os._exit(1)
    return text(f"{{name}} was held")

named = {{"type": "object", "properties": {{"name": {{"type": "string"}}}}, "required": ["name"]}}
server.tool(hold, inputSchema=named)
server.serve()
"""
BOT = """
[limits]
sweep_seconds = 0.1
[[policy.rules]]
action = "deny"
tool = "move_file"
user = "{group}"
[approvals]
remind_hours = 2
"""
ENDS = {"approved", "edited", "denied", "expired", "stopped", "drifted", "it_ran", "run_again", "skipped", "over"}


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    home = tmp_path_factory.mktemp("bot")
    (home / "gated").mkdir()
    (home / "gated" / "server.py").write_text(SERVER)
    command, arguments = standin.command(home / "workspace")
    servers = {
        "filesystem": {"command": command, "args": list(arguments), "trusted": True},
        "gated": {"command": sys.executable, "args": [str(home / "gated" / "server.py")]},
    }
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    async with world(home, start=False, MCP_CONFIG=str(home / "mcp.json")) as this:
        nobody = this.slack.add_usergroup("nobody", [])
        (home / "bot.toml").write_text(BOT.format(group=nobody))
        await this.bot.start()
        await this.ready()
        yield this
        assert {decision for (decision,) in this.bot.rows("SELECT decision FROM questions")} <= ENDS


def write(here: World, name: str) -> Call:
    """A call that writes a file in the test's folder."""
    return call("filesystem__write_file", {"path": str(here.workspace / name), "content": f"text of {name}\n"})


def hold(here: World, name: str = "it") -> Call:
    """A call that runs until it is let go."""
    return call("gated__hold", {"name": f"{name}{here.tests}"})


async def begun(here: World, name: str = "it") -> None:
    """Wait until such a call runs."""
    await here.model.until((here.bot.home / "gated" / f"{name}{here.tests}.began").exists, what="the call to run")


def let_go(here: World, name: str = "it", *, dies: bool = False) -> None:
    """Let such a call end, or its server die of it."""
    path = here.bot.home / "gated" / f"{name}{here.tests}"
    path.mkdir() if dies else path.touch()


def hours_pass(here: World, ts: str, hours: float) -> None:
    """Have the open requests of a thread be older."""
    connection = sqlite3.connect(here.bot.database, timeout=10)
    with connection:
        connection.execute(
            "UPDATE questions SET expires_at = expires_at - ? WHERE decision = 'awaiting'"
            " AND thread_id = (SELECT id FROM threads WHERE thread_ts = ?)",
            (hours * 3600, ts),
        )
    connection.close()


async def stop(here: World, card: Message) -> None:
    """Press Stop in the menu of a card."""
    await here.slack.click(card, "approval.more", by=here.alice, option="Stop")


async def stopped(here: World, ts: str, done: str = "Nothing was changed.") -> None:
    """Wait until the person who asked has stopped the turn, and the thread says what was done."""
    await here.reply(ts, f"Stopped. {done}")
    await here.quiet()
    assert here.open_approvals(ts) == 0
    assert cards(here, ts) == []


async def goes_on(here: World, ts: str) -> list[str]:
    """Say more in the thread; out: what the model reads of its calls. The log holds one result a call."""
    before = len(here.model.requests)
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, END)
    await here.quiet()
    assert len(here.model.requests) == before + 1
    messages = here.model.requests[-1].messages
    made = [made["id"] for message in messages for made in message.get("tool_calls") or ()]
    assert made == [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    return told(here)


def ends(here: World, card: Message) -> list[str]:
    """How the requests of a card have ended, in their order."""
    query = "SELECT q.decision FROM questions q JOIN posts p ON p.id = q.post WHERE p.ts = ? ORDER BY q.place"
    return [str(decision).capitalize() for (decision,) in here.bot.rows(query, card.ts)]


def files(here: World) -> list[str]:
    """The files that have been written."""
    return sorted(path.name for path in here.workspace.iterdir())


def reminders(here: World, ts: str) -> list[Message]:
    """The messages of a thread that remind somebody."""
    return [reply for reply in here.replies(ts) if "this still waits for a decision" in reply.plain]


async def test_requests_expire_their_cards_say_so_and_the_model_is_told(here: World) -> None:
    ts = await ask(here, write(here, "a.txt"), write(here, "b.txt"), write(here, "c.txt"))
    [card] = await asked(here, ts)
    await decide(here, card, 2, "approved", here.alice)
    await says(here, card, "approved")
    hours_pass(here, ts, 23)
    await here.until(lambda: reminders(here, ts), what="a reminder")
    assert here.open_approvals(ts) == 2, "not yet"
    hours_pass(here, ts, 1)
    results = await answered(here, ts)
    assert ["nobody decided" in result for result in results] == [True, False, True]
    assert ends(here, card) == ["Expired", "Approved", "Expired"]
    assert "Nobody decided 2 of 3 in time" in card.plain
    assert "Undo" in card.buttons
    assert files(here) == ["b.txt"]


async def test_people_are_reminded_once_a_message_before_it_is_too_late_restarts_included(here: World) -> None:
    a, b, c, d = (write(here, f"{name}.txt") for name in "abcd")
    here.model.script(calls(a, b), calls(c), calls(d), text(END), text(END), text(END))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go on")
    [card] = await asked(here, ts)
    hours_pass(here, ts, 21.9)
    other = await here.slack.say(here.general, here.alice, "<@BOT> and on")
    await asked(here, other)
    hours_pass(here, other, 22.1)
    await here.until(lambda: reminders(here, other), what="a reminder of what ends within two hours")
    assert reminders(here, ts) == [], "too early"
    hours_pass(here, ts, 0.2)
    await here.until(lambda: reminders(here, ts), what="a reminder")
    assert reminders(here, ts)[0].pings == [f"<@{here.alice.id}>"]
    assert f"Create {here.workspace.name}/a.txt" in reminders(here, ts)[0].plain
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    third = await here.slack.say(here.general, here.alice, "<@BOT> and on again")
    await asked(here, third)
    hours_pass(here, third, 22.1)
    await here.until(lambda: reminders(here, third), what="a reminder after the restart")
    await here.quiet()
    assert [len(reminders(here, each)) for each in (ts, other, third)] == [1, 1, 1]
    await here.slack.click(card, "Deny all", by=here.alice)
    for each in (other, third):
        await here.slack.click((await asked(here, each))[0], "Deny", by=here.alice)
    for each in (ts, other, third):
        await here.reply(each, END)
    assert files(here) == []


async def test_stop_ends_every_open_request_of_the_turn_and_the_next_message_goes_on(here: World) -> None:
    ts = await ask(here, *(write(here, f"{number}.txt") for number in range(9)))
    [card] = await asked(here, ts)
    await decide(here, card, 8, "approved", here.alice)
    await here.until(lambda: files(here), what="the file")
    done = files(here)
    assert len(done) == 1
    await decide(here, card, 1, "denied", here.alice)
    await says(here, card, "denied")
    await stop(here, card)
    await stopped(here, ts, f"Done before that: Wrote {here.workspace.name}/{done[0]}.")
    assert len(here.model.requests) == 1, "the model is not asked again"
    assert ends(here, card) == ["Denied", *["Stopped"] * 6, "Approved", "Stopped"]
    assert f"<@{here.alice.id}> stopped 7 of 9" in card.plain
    assert files(here) == done
    results = await goes_on(here, ts)
    assert len(results) == 9
    assert sum(result == "Not run: a person stopped the turn before it ran." for result in results) == 7
    assert files(here) == done


async def test_a_call_that_runs_when_the_turn_is_stopped_may_have_run_and_nothing_else_runs(here: World) -> None:
    ts = await ask(here, hold(here), write(here, "a.txt"))
    [card] = await asked(here, ts)
    await decide(here, card, 1, "approved", here.alice)
    await begun(here)
    await stop(here, card)
    await says(here, card, "stopped 1 of 2")
    await stopped(here, ts, f"May have been done, or in part: Hold: it{here.tests}.")
    assert ends(here, card) == ["Approved", "Stopped"]
    assert "cut off; it may or may not have run" in card.plain
    let_go(here)
    await here.quiet()
    assert len(here.model.requests) == 1
    broken_off, not_run = await goes_on(here, ts)
    assert "it may or may not have run. Do not make it again" in broken_off
    assert not_run == "Not run: a person stopped the turn before it ran."
    assert files(here) == []


async def test_a_call_that_is_cut_off_after_the_stop_asks_nobody_any_more(here: World) -> None:
    ts = await ask(here, hold(here), write(here, "a.txt"))
    [card] = await asked(here, ts)
    await decide(here, card, 1, "approved", here.alice)
    await begun(here)
    await stop(here, card)
    let_go(here, dies=True)
    await says(here, card, "stopped 1 of 2")
    await stopped(here, ts, f"May have been done, or in part: Hold: it{here.tests}.")
    assert "cut off; it may or may not have run" in card.plain
    assert "may or may not have run" in (await goes_on(here, ts))[0]


async def test_an_approved_call_that_has_not_begun_does_not_run_after_the_stop(here: World) -> None:
    ts = await ask(here, hold(here, "a"), hold(here, "b"))
    [card] = await asked(here, ts)
    # Cold, the bot asks Slack for a user group before it begins what was approved: the stop comes in between.
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await here.model.until(lambda: here.bot.log.count("gated is up") == here.bot.starts, what="the server")
    reached, released = asyncio.Event(), asyncio.Event()

    async def hold_up(_: ApiCall) -> None:
        reached.set()
        await released.wait()

    here.slack.on_call("usergroups.users.list", hold_up)
    await decide(here, card, 1, "approved", here.alice)
    await asyncio.wait_for(reached.wait(), 10)
    await stop(here, card)
    released.set()
    for name in ("a", "b"):
        let_go(here, name)
    await stopped(here, ts)
    assert not list((here.bot.home / "gated").glob(f"*{here.tests}.began")), "it ran after the stop"
    assert await goes_on(here, ts) == ["Not run: a person stopped the turn before it ran."] * 2
    assert ends(here, card) == ["Approved", "Stopped"]
    assert "not done: it was stopped" in card.plain
    started = "SELECT count(*) FROM audit WHERE kind = 'started' AND thread_id = (SELECT max(id) FROM threads)"
    assert here.bot.rows(started) == [(0,)]


async def test_a_question_whether_a_call_ran_can_be_stopped_too(here: World) -> None:
    ts = await ask(here, hold(here))
    await here.slack.click((await asked(here, ts))[0], "Approve", by=here.alice)
    await begun(here)
    let_go(here, dies=True)
    question = await here.card(ts, "Skip")
    assert "it may or may not have run" in question.plain
    await stop(here, question)
    await stopped(here, ts, f"May have been done, or in part: Hold: it{here.tests}.")
    assert "nobody said whether it ran" in question.plain
    assert "may or may not have run; nobody said which" in (await goes_on(here, ts))[0]


async def test_a_bystander_cannot_stop_and_what_is_said_meanwhile_is_read_after_a_stop(here: World) -> None:
    ts = await ask(here, write(here, "a.txt"))
    [card] = await asked(here, ts)
    await here.slack.click(card, "approval.more", by=here.bob, option="Stop")
    await whispered(here, here.bob, f"Only <@{here.alice.id}>")
    assert here.open_approvals(ts) == 1
    await here.slack.say(here.general, here.alice, "something else, then", thread_ts=ts)
    await here.reply(ts, "I'm waiting for the decision above")
    await stop(here, card)
    await here.reply(ts, END)
    await here.quiet()
    notice = await here.reply(ts, "Stopped. Nothing was changed.")
    assert [message["role"] for message in here.model.requests[1].messages[2:]] == ["assistant", "tool", "user"]
    assert here.replies(ts)[-1].ts > notice.ts
    assert files(here) == []


Way = Callable[[World, str, Message], Awaitable[object]]


async def _approved(here: World, ts: str, card: Message) -> None:
    await here.slack.click(card, "approval.approved", by=here.alice)
    await here.reply(ts, END)


async def _denied(here: World, ts: str, card: Message) -> None:
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, END)


async def _edited(here: World, ts: str, card: Message) -> None:
    await edit(here, card, here.alice, content="other\n")
    await says(here, card, " edited this")
    await here.slack.click((await asked(here, ts))[0], "Deny", by=here.alice)
    await here.reply(ts, END)


async def _expired(here: World, ts: str, _: Message) -> None:
    hours_pass(here, ts, 24)
    await here.reply(ts, END)


async def _stopped(here: World, ts: str, card: Message) -> None:
    await stop(here, card)
    await stopped(here, ts)


async def _drifted(here: World, ts: str, card: Message) -> None:
    (here.workspace / "a.txt").write_text("somebody else's\n")
    await here.slack.click(card, "approval.approved", by=here.alice)
    await says(here, card, "I ask again below")
    await here.slack.click((await asked(here, ts))[0], "Deny", by=here.alice)
    await here.reply(ts, END)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (_approved, "already approved by <@{0}>"),
        (_denied, "already denied by <@{0}>"),
        (_edited, "already changed by <@{0}>; the changed version has taken its place"),
        (_expired, "already closed: its time was over"),
        (_stopped, "already stopped by <@{0}>"),
        (_drifted, "already closed: what it was based on has changed"),
    ],
)
async def test_a_late_press_of_any_button_is_told_how_it_ended_and_changes_nothing(
    here: World, way: Way, words: str
) -> None:
    ts = await ask(here, write(here, "a.txt"))
    [card] = await asked(here, ts)
    stale = card.snapshot()
    await way(here, ts, card)
    await here.quiet()
    [decision] = here.bot.rows(
        "SELECT decision FROM questions WHERE requester = ? ORDER BY created_at LIMIT 1", here.alice.id
    )
    assert decision == (way.__name__[1:],)
    now = {path.name: path.read_text() for path in here.workspace.iterdir()}
    before, messages = len(here.model.requests), [reply.plain for reply in here.replies(ts)]
    for number, button in enumerate(("Approve", "Deny", "Edit…", "Always…"), start=1):
        await here.slack.click_raw(stale, button, by=here.alice)
        await here.until(lambda number=number: len(here.slack.ephemerals(here.alice)) == number, what="a word")
        assert words.format(here.alice.id) in here.slack.ephemerals(here.alice)[-1].plain
    await here.quiet()
    assert {path.name: path.read_text() for path in here.workspace.iterdir()} == now
    assert (len(here.model.requests), [reply.plain for reply in here.replies(ts)]) == (before, messages)
    assert here.slack.modals(here.alice) == []
