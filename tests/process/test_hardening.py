"""Odd input, odd orders and stubborn faults: nothing is lost, nothing is hidden, nothing gets stuck."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import World, world
from tests.stamps import unstamped
from tests.unit.tools.helpers import SERVERS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

SERVER = f"""
import json, pathlib, sys
sys.path.insert(0, {str(SERVERS)!r})
from raw import RawServer, text

def deploy(arguments):
    "Deploy."
    (pathlib.Path(__file__).parent / "deployed").write_text(json.dumps(arguments.get("env")))
    return text("deployed")

server = RawServer()
server.tool(deploy, inputSchema={{"type": "object", "properties": {{"env": {{"type": ["object", "null"]}}}}}})
server.serve()
"""


def servers(home: Path, **keys: str) -> str:
    """An mcp.json with the server above under each key, from the folder that is named."""
    entries = {}
    for key, folder in keys.items():
        (home / folder).mkdir(exist_ok=True)
        (home / folder / "server.py").write_text(SERVER)
        entries[key] = {"command": sys.executable, "args": [str(home / folder / "server.py")]}
    path = home / f"{'-'.join(keys)}.json"
    path.write_text(json.dumps({"mcpServers": entries}))
    return str(path)


async def test_no_argument_can_hide_behind_another_that_looks_the_same(tmp_path: Path) -> None:
    async with world(tmp_path, MCP_CONFIG=servers(tmp_path, ops="one")) as here:
        env = {"LD\u200b": "EVIL", "LD⟨U+200B⟩": "benign", "text": '"1"', "number": 1, "digit": "1", "way": "a\ufe0fb"}
        here.model.script(calls(call("ops__deploy", {"env": env})), text("Deployed."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> deploy")
        card = await here.reply(ts, "Waiting for you")
        assert "EVIL" in card.plain
        assert "benign" in card.plain
        assert "⟨U+27E8⟩U+200B" in card.plain
        assert "\ufe0f" not in card.plain
        sections = [element for element in card.blocks[0]["elements"] if len(element["elements"]) == 3]
        shown = {section["elements"][0]["text"]: section["elements"][2]["text"] for section in sections}
        assert shown["env.number:"] == "1"
        assert shown["env.digit:"] == '"1"'
        assert shown["env.text:"] == r'"\"1\""'
        await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(ts, "Deployed.")
        assert json.loads((tmp_path / "one" / "deployed").read_text()) == env


async def test_what_was_approved_for_one_server_does_not_run_on_another_that_takes_its_name(tmp_path: Path) -> None:
    first, second = servers(tmp_path, **{"free.x": "one"}), servers(tmp_path, free_x="two")
    async with world(tmp_path, MCP_CONFIG=first) as here:
        here.model.script(calls(call("free_x__deploy", {})), text("Not deployed."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> deploy")
        card = await here.reply(ts, "Waiting for you")
        await here.bot.stop()
        await here.bot.start(MCP_CONFIG=second)
        await here.ready()
        await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(ts, "Not deployed.")
        assert "definition has changed" in here.model.requests[1].messages[-1]["content"]
        assert not (tmp_path / "two" / "deployed").exists()


async def test_blank_words_beside_calls_and_impossible_numbers_do_not_spoil_the_thread(here: World) -> None:
    here.model.script(
        calls(call("filesystem__list_allowed_directories", {}), text="\n\n"),
        calls(call("filesystem__read_text_file", '{"path": "a", "head": 1e999}')),
        calls(call("filesystem__read_text_file", '{"path": ' + "[" * 600 + "]" * 600 + "}")),
        text("\u200b\u2060"),
        text("All is well."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.reply(ts, "All is well.")
    assert here.model.requests[1].messages[-2]["content"] is None


async def test_a_mention_in_the_midst_of_a_thread_is_read_with_what_was_said_before(here: World) -> None:
    ts = await here.slack.say(here.general, here.bob, "The printer is broken")
    await here.slack.say(here.general, here.alice, "Since Monday", thread_ts=ts)
    here.model.script(text("I see."))
    await here.slack.say(here.general, here.alice, "<@BOT> what is this about?", thread_ts=ts)
    await here.reply(ts, "I see.")
    said = [unstamped(message["content"]) for message in here.model.requests[0].messages if message["role"] == "user"]
    assert said == [
        "Bob Jones (to others in the thread, not to you): The printer is broken",
        "Alice Smith (to others in the thread, not to you): Since Monday",
        "Alice Smith: what is this about?",
    ]
    await here.quiet()
    assert len(here.model.requests) == 1


async def test_a_mention_that_was_first_taken_for_something_else_is_answered(here: World) -> None:
    here.model.script(text("First."), text("Second."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "First.")
    original = next(sent.payload for sent in here.slack.envelopes if sent.payload["event"]["type"] == "message")
    later = f"{int(ts.partition('.')[0]) + 1}.000100"
    event = {**original["event"], "user": here.bob.id, "ts": later, "event_ts": later, "thread_ts": ts, "text": "well"}
    del event["blocks"]
    await here.slack.deliver({**original, "event_id": "Ev1", "event": event})
    await here.model.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", later), what="the first delivery")
    mention = {**event, "type": "app_mention", "text": f"<@{here.slack.bot_user_id}|bot> well"}
    await here.slack.deliver({**original, "event_id": "Ev2", "event": mention})
    await here.reply(ts, "Second.")


async def test_half_an_emoji_in_a_message_is_answered_all_the_same(here: World) -> None:
    here.model.script(text("Whole."), text("Again."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Whole.")
    original = next(sent.payload for sent in here.slack.envelopes if sent.payload["event"]["type"] == "message")
    later = f"{int(ts.partition('.')[0]) + 1}.000200"
    event = {**original["event"], "ts": later, "event_ts": later, "thread_ts": ts, "text": "half \ud83d"}
    del event["blocks"]
    await here.slack.deliver({**original, "event_id": "Ev3", "event": event})
    await here.reply(ts, "Again.")


@pytest.mark.parametrize("code", ["rate_limited", "org_login_required", "something_new"])
async def test_an_error_that_may_pass_costs_no_answer(here: World, code: str) -> None:
    here.slack.faults.add("chat.postMessage", "error", times=2, code=code)
    here.model.script(text("Here after all."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Here after all.")


@pytest.mark.parametrize("code", ["restricted_action", "invalid_blocks"])
async def test_a_request_that_slack_will_not_show_ends_without_being_run(here: World, code: str) -> None:
    target = here.workspace / "a.txt"
    here.model.script(
        calls(call("filesystem__write_file", {"path": str(target), "content": "x"})), text("Nobody could be asked.")
    )
    here.slack.faults.add(
        "chat.postMessage", "error", times=1, code=code, match=lambda args: "Waiting for you" in str(args.get("text"))
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Nobody could be asked.")
    assert "could not be shown" in here.model.requests[1].messages[-1]["content"]
    assert not target.exists()


async def test_arguments_that_cannot_be_uploaded_cannot_be_approved(here: World) -> None:
    target = here.workspace / "a.txt"
    content = f"{'x y ' * 40}\n" * 4_000
    here.model.script(calls(call("filesystem__write_file", {"path": str(target), "content": content})), text("Long."))
    here.slack.faults.add("files.getUploadURLExternal", "error", times=1, code="file_uploads_disabled")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Long.")
    assert [reply.buttons for reply in here.replies(ts) if reply.buttons] == []
    assert not target.exists()


async def test_an_answer_that_cannot_be_uploaded_is_posted_in_messages(here: World) -> None:
    here.slack.faults.add("files.getUploadURLExternal", "error", times=1, code="file_uploads_disabled")
    here.model.script(text("\n\n".join(f"Paragraph {number} of many words." for number in range(3000))))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> long")
    await here.reply(ts, "Paragraph 2999")


async def test_an_upload_that_fails_is_tried_again_and_holds_nothing_up_for_ever(here: World) -> None:
    here.slack.faults.add("files.completeUploadExternal", "server_error", times=1)
    here.model.script(text("\n\n".join(f"Paragraph {number} of many words." for number in range(3000))))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> long")
    await here.until(lambda: any(reply.files for reply in here.replies(ts)), 60, "the file")


@pytest.mark.parametrize("method", ["chat.update", "users.info", "conversations.replies"])
async def test_a_fault_on_the_way_is_recovered(here: World, method: str) -> None:
    here.slack.faults.add(method, "server_error", times=1)
    here.slack.faults.add(method, "drop_before", times=1)
    target = here.workspace / "a.txt"
    here.model.script(calls(call("filesystem__write_file", {"path": str(target), "content": "x"})), text("Written."))
    root = await here.slack.say(here.general, here.bob, "a thread of people")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write", thread_ts=root)
    assert ts
    await here.slack.click(await here.reply(root, "Waiting for you"), "Approve", by=here.alice)
    await here.reply(root, "Written.")
    await here.until(lambda: " approved" in str([reply.plain for reply in here.replies(root)]), what="the record")
    assert target.read_text() == "x"


async def test_a_socket_address_that_does_not_open_is_not_tried_for_ever(tmp_path: Path) -> None:
    async with world(tmp_path, ready=False, start=False) as here:
        here.errors_expected = True
        spoiled: list[str] = []

        def spoil(call: object) -> None:
            if not spoiled:
                spoiled.append("once")
                here.slack.hub.spoil_tickets()

        here.slack.on_call("auth.test", after=spoil)
        await here.bot.start()
        await here.ready()


async def test_sigterm_while_the_socket_does_not_open_ends_the_process(tmp_path: Path) -> None:
    async with world(tmp_path, ready=False, start=False) as here:
        here.errors_expected = True
        here.slack.hub.link_disabled = True
        here.expected_refusals.append("access_denied")
        await here.bot.start()
        await here.until(lambda: any(call.method == "auth.test" for call in here.slack.calls), what="the start")
        assert await here.bot.stop() in (0, 2)
