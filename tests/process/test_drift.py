"""What was approved runs only while things are as the card showed them; else people are asked again, as things are."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, Call, ChatRequest, call, calls, text
from tests import standin
from tests.harness import ROOT, World, world

pytestmark = pytest.mark.anyio

SERVER = '''
import json, pathlib
from raw import Json, RawServer, text

home = pathlib.Path(__file__).parent
server = RawServer()
SCHEMA = {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]}


def note(arguments: Json) -> Json:
    with open(home / "journal", "a") as journal:
        journal.write(arguments["words"] + "\\n")
    return text("noted")


def offer(name: str, description: str, more: list[str]) -> None:
    """A note tool with its definition; `more`: further arguments that it requires."""
    properties = SCHEMA["properties"] | {other: {"type": "string"} for other in more}
    schema = SCHEMA | {"properties": properties, "required": ["words", *more]}
    server.tool(note, name=name, description=description, inputSchema=schema)


def change(arguments: Json) -> Json:
    """Give a tool another definition, and say so."""
    offer(arguments["name"], f"Another text of {arguments['name']}.", arguments.get("more", []))
    server.send(method="notifications/tools/list_changed")
    return text("changed")


server.tool(change, annotations={"readOnlyHint": True})
described = home / "description"
for name in ("first", "second", "third"):
    offer(name, described.read_text() if described.exists() else "Take a note.", [])
server.serve()
'''


def configure(home: Path) -> None:
    """The filesystem server and one whose tools change."""
    program, arguments = standin.command(home / "workspace")
    (home / "server.py").write_text(SERVER)
    servers: dict[str, dict[str, Any]] = {
        "filesystem": {"command": program, "args": list(arguments), "trusted": True},
        "notes": {
            "command": sys.executable,
            "args": [str(home / "server.py")],
            "env": {"PYTHONPATH": str(ROOT / "tests" / "unit" / "tools" / "servers")},
            "trusted": True,
        },
    }
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    home = tmp_path_factory.mktemp("bot")
    configure(home)
    path = f"{ROOT / 'tests' / 'crash'}:{ROOT}"
    async with world(home, CRASH_LOG=str(home / "points"), PYTHONPATH=path) as this:
        yield this


async def asked(here: World, tool: str, arguments: dict[str, Any], *others: Call) -> tuple[str, Message]:
    """Have the model want a call (beside others) and answer once it has the result; out: the thread and the card."""

    def respond(request: ChatRequest) -> Answer:
        if request.messages[-1]["role"] == "tool":
            return text("That was it.")
        if "hello" in request.messages[-1]["content"]:
            return text("Hello.")
        return calls(call(tool, arguments), *others)

    here.model.respond = respond
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    card = await here.reply(ts, "Waiting for you")
    await here.quiet()
    return ts, card


async def asked_to_write(here: World, tool: str = "write_file") -> tuple[str, Message]:
    """Have the model want `old` in the middle of three lines of `a.txt` to become `new`."""
    path = here.workspace / "a.txt"
    path.write_text("above\nold\nbelow\n")
    more: dict[str, Any] = {"content": "above\nnew\nbelow\n"}
    if tool == "edit_file":
        more = {"edits": [{"oldText": "old", "newText": "new"}]}
    return await asked(here, f"filesystem__{tool}", {"path": str(path), **more})


async def asked_afresh(here: World, ts: str, card: Message, button: str = "Deny") -> Message:
    """Wait for another card that can be decided."""

    def found() -> list[Message]:
        return [reply for reply in here.replies(ts) if reply.ts > card.ts and button in reply.buttons]

    return (await here.until(found, what="a fresh card"))[0]


async def drawn_as_drifted(here: World, card: Message) -> None:
    """Wait until the old card is a record that says that it was not run."""
    await here.until(lambda: "had changed meanwhile" in card.plain, what="the record of a drift")
    assert not {"Approve", "Approve edit", "Deny"} & set(card.buttons)


async def offered(here: World, definition: str) -> None:
    """Wait until the bot has listed the changed tools: it then offers them to the model, in whatever thread."""
    for _ in range(100):
        ts = await here.slack.say(here.general, here.bob, "<@BOT> hello")
        await here.reply(ts, "Hello.")
        if definition in json.dumps(here.model.requests[-1].tools):
            return
    pytest.fail(f"never offered: {definition}")


def changed(path: Path) -> None:
    path.write_text("above\nold\nbelow\nand more\n")


def deleted(path: Path) -> None:
    path.unlink()


def replaced_by_a_link(path: Path) -> None:
    path.rename(path.with_name("other.txt"))
    path.symlink_to("other.txt")


def replaced_by_a_copy(path: Path) -> None:
    """Another file with another content that has the size and the time of the first."""
    about = path.stat()
    path.write_text("above\nOLD\nbelow\n")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


THIS = "thread_id = (SELECT id FROM threads WHERE thread_ts = ?)"
CHANGES: list[tuple[Callable[[Path], None], str, str]] = [
    (changed, "-and more", "a.txt"),
    (deleted, "+above", "a.txt"),
    (replaced_by_a_link, "other.txt", "other.txt"),
    (replaced_by_a_copy, "-OLD", "a.txt"),
]


@pytest.mark.parametrize(("change", "shown", "written"), CHANGES, ids=[change.__name__ for change, _, _ in CHANGES])
async def test_a_file_that_is_no_longer_what_the_card_showed_is_asked_about_again_as_it_is_now(
    here: World, change: Callable[[Path], None], shown: str, written: str
) -> None:
    ts, card = await asked_to_write(here)
    assert "-old\n+new" in card.plain
    assert shown not in card.plain
    change(here.workspace / "a.txt")
    before = (here.workspace / "a.txt").exists() and (here.workspace / "a.txt").read_text()
    await here.slack.click(card, "approval.approved", by=here.alice)
    fresh = await asked_afresh(here, ts, card)
    await drawn_as_drifted(here, card)
    await here.quiet()
    assert "I ask again below" in card.plain
    assert "What this would change has changed since" in card.plain
    assert ((here.workspace / "a.txt").exists() and (here.workspace / "a.txt").read_text()) == before
    assert "approved before, but not run" in fresh.plain
    assert shown in fresh.plain
    assert len(here.model.requests) == 1

    await here.slack.click(fresh, "approval.approved", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    assert (here.workspace / written).read_text() == "above\nnew\nbelow\n"
    assert f"<@{here.alice.id}> approved" in fresh.plain
    assert [message["role"] for message in here.model.requests[1].messages].count("tool") == 1
    assert "Successfully wrote" in here.model.requests[1].messages[-1]["content"]
    assert here.bot.rows(f"SELECT attempts, outcome FROM calls WHERE {THIS}", ts) == [(1, "ok")]


async def test_a_file_that_appears_is_not_overwritten_by_an_approval_of_a_new_file(here: World) -> None:
    path = here.workspace / "a.txt"
    ts, card = await asked(here, "filesystem__write_file", {"path": str(path), "content": "mine\n"})
    assert f"Create {here.workspace.name}/a.txt?" in card.plain
    path.write_text("somebody else's\n")
    await here.slack.click(card, "approval.approved", by=here.alice)
    fresh = await asked_afresh(here, ts, card)
    assert "-somebody else's\n+mine" in fresh.plain
    assert path.read_text() == "somebody else's\n"
    path.write_text("and changed once more\n")
    await here.slack.click(fresh, "approval.approved", by=here.alice)
    third = await asked_afresh(here, ts, fresh)
    assert "-and changed once more\n+mine" in third.plain
    assert path.read_text() == "and changed once more\n"
    await here.slack.click(third, "Deny", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    decisions = here.bot.rows(f"SELECT decision FROM questions WHERE {THIS} ORDER BY created_at", ts)
    assert [row[0] for row in decisions] == ["drifted", "drifted", "denied"]
    assert path.read_text() == "and changed once more\n"


async def test_the_old_card_of_what_has_drifted_decides_nothing_any_more(here: World) -> None:
    ts, card = await asked_to_write(here)
    stale = card.snapshot()
    changed(here.workspace / "a.txt")
    await here.slack.click(card, "approval.approved", by=here.alice)
    fresh = await asked_afresh(here, ts, card)
    await here.slack.click_raw(stale, "approval.approved", by=here.alice)
    await here.until(lambda: here.slack.ephemerals(here.alice), what="a word to Alice")
    assert "what it was based on has changed" in here.slack.ephemerals(here.alice)[0].plain
    await here.quiet()
    assert "old" in (here.workspace / "a.txt").read_text()
    await here.slack.click(fresh, "Deny", by=here.alice)
    await here.reply(ts, "That was it.")


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def without_the_text(path: Path) -> None:
    path.write_text("something else\n")


@pytest.mark.parametrize(
    ("tool", "change", "words"),
    [
        ("write_file", replaced_by_a_folder, "is a folder"),
        ("edit_file", without_the_text, "the text to replace is not in it"),
        ("edit_file", deleted, "doesn't exist"),
    ],
    ids=["folder", "other-text", "deleted"],
)
async def test_a_call_that_has_become_impossible_is_not_asked_about_again_but_told_to_the_model(
    here: World, tool: str, change: Callable[[Path], None], words: str
) -> None:
    ts, card = await asked_to_write(here, tool)
    change(here.workspace / "a.txt")
    await here.slack.click(card, "approval.approved", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    await drawn_as_drifted(here, card)
    assert "so it was not done" in card.plain
    assert "I ask again below" not in card.plain
    assert here.open_approvals(ts) == 0
    told = here.model.requests[1].messages[-1]["content"]
    assert told.startswith("Not run: as things are now this would fail")
    assert words in told
    assert here.bot.rows(f"SELECT count(*) FROM questions WHERE {THIS}", ts) == [(1,)]


async def test_a_file_whose_content_has_changed_is_not_moved_without_another_approval(here: World) -> None:
    source, destination = here.workspace / "a.txt", here.workspace / "b.txt"
    source.write_text("draft")
    arguments = {"source": str(source), "destination": str(destination)}
    ts, card = await asked(here, "filesystem__move_file", arguments)
    source.write_text("a secret")
    await here.slack.click(card, "approval.approved", by=here.alice)
    fresh = await asked_afresh(here, ts, card)
    await drawn_as_drifted(here, card)
    assert source.exists()
    assert not destination.exists()
    await here.slack.click(fresh, "approval.approved", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    assert destination.read_text() == "a secret"
    assert not source.exists()


async def test_a_tool_that_has_another_definition_than_when_it_was_shown_is_asked_about_again(here: World) -> None:
    change = call("notes__change", {"name": "first"})
    ts, card = await asked(here, "notes__first", {"words": "drifted once"}, change)
    await offered(here, "Another text of first.")
    await here.slack.click(card, "approval.approved", by=here.alice)
    fresh = await asked_afresh(here, ts, card)
    await drawn_as_drifted(here, card)
    assert "The tool's definition has changed since" in card.plain
    assert "drifted once" not in journal(here)
    await here.slack.click(fresh, "approval.approved", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    assert journal(here).count("drifted once") == 1
    tools_changed(here)


async def test_arguments_that_do_not_fit_a_tools_new_definition_are_told_to_the_model(here: World) -> None:
    change = call("notes__change", {"name": "second", "more": ["place"]})
    ts, card = await asked(here, "notes__second", {"words": "without a place"}, change)
    await offered(here, "Another text of second.")
    await here.slack.click(card, "approval.approved", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    await drawn_as_drifted(here, card)
    assert "The tool's definition has changed since" in card.plain
    assert "so it was not done" in card.plain
    assert "I ask again below" not in card.plain
    assert "without a place" not in journal(here)
    [result, _] = [message for message in here.model.requests[-1].messages if message["role"] == "tool"]
    assert result["content"].startswith("Not run: ")
    assert "place" in result["content"]
    tools_changed(here)


async def test_what_has_changed_while_the_bot_was_down_is_found_as_well(here: World) -> None:
    file_ts, file_card = await asked_to_write(here)
    tool_ts, tool_card = await asked(here, "notes__third", {"words": "over a restart"})
    await here.bot.kill()
    changed(here.workspace / "a.txt")
    (here.bot.home / "description").write_text("Take a note, and publish it.")
    await here.bot.start()
    await here.ready()
    await here.slack.click(file_card, "approval.approved", by=here.alice)
    await here.slack.click(tool_card, "approval.approved", by=here.alice)
    fresh_file = await asked_afresh(here, file_ts, file_card)
    fresh_tool = await asked_afresh(here, tool_ts, tool_card)
    await drawn_as_drifted(here, file_card)
    await drawn_as_drifted(here, tool_card)
    assert "-and more" in fresh_file.plain
    assert "The tool's definition has changed since" in tool_card.plain
    assert "old" in (here.workspace / "a.txt").read_text()
    assert "over a restart" not in journal(here)
    await here.slack.click(fresh_file, "approval.approved", by=here.alice)
    await here.reply(file_ts, "That was it.")
    await here.slack.click(fresh_tool, "approval.approved", by=here.alice)
    await here.reply(tool_ts, "That was it.")
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "above\nnew\nbelow\n"
    assert journal(here).count("over a restart") == 1
    tools_changed(here)


async def test_running_a_call_again_that_was_cut_off_is_asked_about_again_when_things_have_changed(
    here: World,
) -> None:
    await here.bot.kill()
    await here.bot.start(CRASH_AT="before tool call write_file#1")
    await here.ready()
    ts, card = await asked_to_write(here)
    click = asyncio.create_task(here.slack.click(card, "approval.approved", by=here.alice))
    await here.bot.ended()
    await here.bot.start(CRASH_AT="")
    question = await asked_afresh(here, ts, card, "Run again")
    click.cancel()
    changed(here.workspace / "a.txt")
    await here.slack.click(question, "Run again", by=here.alice)
    fresh = await asked_afresh(here, ts, question, "Run again")
    await drawn_as_drifted(here, question)
    assert fresh.buttons[:3] == ["It ran", "Run again", "Skip"]
    assert "-and more" in fresh.plain
    assert "and more" in (here.workspace / "a.txt").read_text()
    await here.slack.click(fresh, "Run again", by=here.alice)
    await here.reply(ts, "That was it.")
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "above\nnew\nbelow\n"
    assert (card.buttons, question.buttons, fresh.buttons) == (["Diff"], ["Diff"], ["Undo", "Diff"])
    decisions = here.bot.rows(f"SELECT decision FROM questions WHERE {THIS} ORDER BY created_at", ts)
    assert [row[0] for row in decisions] == ["approved", "drifted", "run_again"]
    assert "Successfully wrote" in here.model.requests[1].messages[-1]["content"]


def journal(here: World) -> str:
    """What the note tools have written."""
    path = here.bot.home / "journal"
    return path.read_text() if path.exists() else ""


def tools_changed(here: World) -> None:
    """A changed definition is offered to the model as it is, which breaks the provider's cache of the tools."""
    assert {broken.what for broken in here.model.prefix_breaks} <= {"tools"}
    here.model.prefix_breaks.clear()
