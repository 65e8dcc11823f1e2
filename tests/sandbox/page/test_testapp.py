"""Each part of the test app, over the sandbox alone: what came of it, and that Slack would have refused nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from slack_sandbox.model import Channel, Message, Person, View
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.page.testapp import PROMPTS, Demo, demo
from tests.sandbox.page.testapp_blocks import INPUTS

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def app(slack: SlackSandbox) -> AsyncIterator[Demo]:
    async with demo(slack) as running:
        yield running
    assert [(call.method, call.response) for call in slack.rejected] == []


@pytest.fixture
def alice(slack: SlackSandbox) -> Person:
    return slack.add_person("Alice Smith")


@pytest.fixture
def general(slack: SlackSandbox, alice: Person) -> Channel:
    return slack.add_channel("general", members=[alice])


def kinds(message: Message) -> list[str]:
    return [block["type"] for block in message.blocks]


def newest(slack: SlackSandbox, channel: Channel) -> list[Message]:
    """The thread of the newest top-level message."""
    return slack.thread(channel, channel.top_level[-1].ts) if channel.top_level else []


async def test_an_unknown_word_is_answered_to_its_person_alone(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "what")
    await slack.until(lambda: slack.ephemerals(alice), what="the list of parts")
    assert slack.ephemerals(alice)[0].text.startswith("I can show: stream, plan, ask")
    assert general.messages == {}


async def test_a_stream_interleaves_text_and_task_cards(slack: SlackSandbox, general: Channel, alice: Person) -> None:
    async with demo(slack, paused=True) as app:
        await slack.command(alice, general, "/demo", "stream")
        app.go_on()
        await slack.until(lambda: len(newest(slack, general)) == 2, what="the stream")
        reply = newest(slack, general)[1]
        assert reply.stream is not None
        assert (reply.streaming, reply.stream.recipient) == (True, alice.id)
        await slack.until(lambda: kinds(reply) == ["markdown", "task_card"], what="the first card")
        assert reply.blocks[1]["status"] == "in_progress"
        app.go_on(5)
        await slack.until(lambda: not reply.streaming, what="the end")
        assert kinds(reply) == ["markdown", "task_card", "markdown", "task_card", "markdown", "context"]
        assert [block["status"] for block in reply.blocks if block["type"] == "task_card"] == ["complete", "error"]
        assert reply.blocks[1]["sources"][0]["url"] == "https://example.com/manual"
        assert slack.rejected == []


async def test_a_plan_is_one_block_with_the_last_title(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "plan")
    await slack.until(lambda: len(newest(slack, general)) == 2 and not newest(slack, general)[1].streaming, what="it")
    reply = newest(slack, general)[1]
    assert kinds(reply) == ["plan", "markdown", "context"]
    assert reply.blocks[0]["title"] == "All is well"
    assert [task["status"] for task in reply.blocks[0]["tasks"]] == ["complete"] * 3


def filled() -> Json:
    """A value for every input of the form."""
    values: Json = {"name": "Alice", "email": "a@example.com", "url": "https://example.com", "number": "3"}
    values.update(select="Cherry", grouped="Damson", several=["Apple", "Banana"], checks=["Ripe"], radio="Large")
    values.update(person="U1", people=["U1", "U2"], channel="C1", date="2026-12-24")
    return {name: {name: value} for name, value in values.items()}


async def test_the_form_is_refused_once_and_then_tells_what_it_got(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "ask")
    form: View = (await slack.until(lambda: slack.modals(alice), what="the form"))[0]
    assert {block["element"]["type"] for block in form.blocks if block["type"] == "input"} == {
        element["type"] for _, element in INPUTS.values()
    }
    await slack.submit(alice, form, filled())
    assert list(form.errors) == ["name"]
    await slack.submit(alice, form, filled())
    assert form.data["title"]["text"] == "What I got"
    for line in ("*name*: Alice", "*several*: apple, banana", "*radio*: large", "*date*: 2026-12-24"):
        assert line in form.plain


async def test_what_is_searched_is_found_by_the_app(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "ask")
    form = (await slack.until(lambda: slack.modals(alice), what="the form"))[0]
    offered = await slack.suggest(form, "found", "an", by=alice)
    assert [option["text"]["text"] for option in (offered or {})["options"]] == ["Banana"]
    report = slack.add_file(alice, "report.txt", b"x")
    values: Json = {"name": {"name": "Alice"}, "found": {"found": "banana"}, "files": {"files": [report.id]}}
    await slack.submit(alice, form, values)
    await slack.submit(alice, form, values)
    assert "*found*: banana" in form.plain
    assert "*files*: report.txt" in form.plain


async def test_an_external_menu_in_a_message_is_answered(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "menus")
    await slack.until(lambda: general.top_level, what="the menus")
    menus, menu = general.top_level[0], "demo.menu.external_select"
    await slack.suggest(menus, menu, "c", by=alice)
    await slack.click(menus, menu, by=alice, option="Cherry")
    await slack.until(lambda: len(newest(slack, general)) == 2, what="the answer")
    assert newest(slack, general)[1].text == f"<@{alice.id}> used menu.external_select: cherry"


async def test_a_mention_is_answered_in_its_thread(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    ts = await slack.say(general, alice, "<@BOT> hi")
    await slack.until(lambda: len(slack.thread(general, ts)) == 2, what="the answer")
    assert slack.thread(general, ts)[1].text == f"Hello, <@{alice.id}>."


async def test_closing_the_form_is_told(app: Demo, slack: SlackSandbox, general: Channel, alice: Person) -> None:
    await slack.command(alice, general, "/demo", "ask")
    form = (await slack.until(lambda: slack.modals(alice), what="the form"))[0]
    await slack.close_modal(alice, form)
    await slack.until(lambda: any(got.get("closed") for got in app.got), what="view_closed", poll=0.01)


async def test_an_ephemeral_can_be_changed_and_removed(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "ephemeral")
    note = (await slack.until(lambda: slack.ephemerals(alice), what="the note"))[0]
    await slack.click(note, "Change it", by=alice)
    await slack.until(lambda: slack.ephemerals(alice)[0].text == "Changed.", what="the change")
    await slack.command(alice, general, "/demo", "ephemeral")
    await slack.until(lambda: len(slack.ephemerals(alice)) == 2, what="another note")
    await slack.click(slack.ephemerals(alice)[1], "Remove it", by=alice)
    await slack.until(lambda: len(slack.ephemerals(alice)) == 1, what="its removal")


async def test_files_go_both_ways(app: Demo, slack: SlackSandbox, general: Channel, alice: Person) -> None:
    await slack.command(alice, general, "/demo", "files")
    await slack.until(lambda: len(newest(slack, general)) == 2, what="the files")
    root, shared = newest(slack, general)
    assert [(file.name, file.mimetype) for file in shared.files] == [
        ("report.txt", "text/plain"),
        ("picture.png", "image/png"),
    ]
    assert shared.files[1].content.startswith(b"\x89PNG")
    await slack.say(general, alice, "look", thread_ts=root.ts, files=[("mine.bin", b"12345")])
    await slack.until(lambda: "mine.bin has 5 bytes." in [m.text for m in newest(slack, general)], what="the size")


async def test_a_session_works_until_it_is_stopped_and_can_go_on(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "status")
    await slack.until(lambda: slack.workspace.statuses, what="the status")
    root = general.top_level[-1].ts
    place = (general.id, root)
    assert slack.workspace.sessions[place] == {"title": "Compare the files", "status": "processing"}
    assert slack.workspace.statuses[place]["status"] == "is thinking…"
    assert len(slack.workspace.statuses[place]["loading_messages"]) == 3
    await slack.press_stop(general, root, alice)
    await slack.until(lambda: len(slack.thread(general, root)) == 2, what="the answer to Stop")
    assert slack.workspace.sessions[place]["status"] == "suspended"
    assert place not in slack.workspace.statuses  # a post of the app clears it
    await slack.click(slack.thread(general, root)[1], "Go on", by=alice)
    await slack.until(lambda: slack.workspace.sessions[place]["status"] == "active", what="going on")


@pytest.mark.parametrize("way", ["command", "messages tab"])
async def test_prompts_are_suggested_in_the_direct_message(
    way: str, app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    if way == "command":
        await slack.command(alice, general, "/demo", "prompts")
    else:
        await slack.open_home(alice, "messages")
    dm = slack.open_dm(alice)
    await slack.until(lambda: dm.id in slack.workspace.prompts, what="the prompts")
    assert slack.workspace.prompts[dm.id] == {"title": "Try one of these", "prompts": PROMPTS}
    ts = await slack.say(dm, alice, PROMPTS[0]["message"])
    await slack.until(lambda: len(slack.thread(dm, ts)) == 2, what="the answer")
    assert slack.thread(dm, ts)[1].text == "You said: Hello, demo"


@pytest.mark.parametrize(
    ("action", "option", "answer"),
    [
        ("demo.menu.overflow", "Move", "menu.overflow: move"),
        ("demo.menu.static_select", "Damson", "menu.static_select: damson"),
        ("demo.menu.multi_static_select", ["Apple", "Cherry"], "menu.multi_static_select: apple, cherry"),
        ("demo.menu.users_select", "U1", "menu.users_select: U1"),
        ("demo.menu.datepicker", "2026-12-24", "menu.datepicker: 2026-12-24"),
        ("demo.menu.checkboxes", ["Ripe"], "menu.checkboxes: ripe"),
        ("demo.menu.radio_buttons", "Large", "menu.radio_buttons: large"),
        ("Delete all", None, "menu.confirm: all"),
    ],
)
async def test_each_menu_is_answered_with_what_was_picked(
    action: str, option: Any, answer: str, app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "menus")
    await slack.until(lambda: general.top_level, what="the menus")
    await slack.click(general.top_level[0], action, by=alice, option=option)
    await slack.until(lambda: len(newest(slack, general)) == 2, what="the answer")
    assert newest(slack, general)[1].text == f"<@{alice.id}> used {answer}"


async def test_the_home_counts(app: Demo, slack: SlackSandbox, general: Channel, alice: Person) -> None:
    def home(text: str) -> View | None:
        shown = slack.home(alice)
        return shown if shown is not None and text in shown.plain else None

    async def counted(number: int) -> View:
        found = await slack.until(lambda: home(f"Counted to *{number}*"), what=f"a count of {number}")
        assert found is not None
        return found

    await slack.open_home(alice)
    await slack.click(await counted(0), "Count up", by=alice)
    await slack.click(await counted(1), "demo.menu.overflow", by=alice, option="Ten")
    await slack.click(await counted(10), "Start again", by=alice)
    await counted(0)


async def test_every_block_that_a_message_may_have_is_accepted(
    app: Demo, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.command(alice, general, "/demo", "all blocks")
    await slack.until(lambda: len(general.top_level) == 2, what="the blocks")
    shown = {block["type"] for message in general.top_level for block in message.blocks}
    assert shown == {
        "actions", "card", "carousel", "container", "context", "context_actions", "data_table", "divider", "header",
        "image", "input", "markdown", "plan", "rich_text", "section", "table", "task_card", "video",
    }  # fmt: skip
    await slack.click(general.top_level[0], "demo.feedback", by=alice, option="good")
    await slack.until(lambda: len(slack.thread(general, general.top_level[0].ts)) == 2, what="the answer")
