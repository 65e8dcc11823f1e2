"""What a public or shared channel sees of a call when the configuration says that it shall see little."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Channel, Message, Person, View
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.fixtures import Opens, Worlds
from tests.process.turns import OBEY, Turn, begin, servers, whispered

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SECRET = "Zx81SECRETqq"
"""Stands in paths, contents, results and errors, and must never be seen in an open channel."""
NAMES = ("write_file", "edit_file", "read_text_file", "move_file", "obey", "shifting", "filesystem")
TROUBLE = "The tools of `shifting` are unavailable"
"""That a server is down is told by its name; it is not about a call."""
WINDOWS = ("views.open", "views.update", "views.push", "views.publish")


@dataclass(frozen=True)
class Quiet:
    """A bot that says little, and somebody who may decide besides the requester."""

    here: World
    mode: str
    carol: Person


@asynccontextmanager
async def stage(opens: Opens, home: Path, mode: str) -> AsyncGenerator[Quiet]:
    """The bot in this mode."""
    servers(home, OBEY)
    async with opens(home, start=False) as here:
        carol = here.slack.add_person("Carol King")
        (home / "bot.toml").write_text(
            f'[agent]\nprivacy = "{mode}"\n[approvals]\napprovers = ["requester", "{carol.id}"]\n'
            # What is being done is shown at once.
            "[limits]\nprogress_after_seconds = 0.001\nprogress_every_seconds = 0.01\n"
        )
        await here.bot.start()
        await here.ready()
        yield Quiet(here, mode, carol)


@pytest.fixture(scope="module", params=["summary", "private"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def quiet(mode: str, worlds: Worlds) -> AsyncGenerator[Quiet]:
    running = await worlds.of(stage, mode)
    running.here.fresh()
    before = len(running.here.slack.calls)
    yield running
    await running.here.quiet()
    running.here.check()
    assert len(running.here.slack.calls) > before


def told(here: World, channel: Channel) -> list[str]:
    """Everything that was ever sent to a channel: texts for notifications, blocks, ephemerals, files, every version."""
    sent = [call for call in here.slack.calls if call.method not in WINDOWS and TROUBLE not in str(call.args)]
    return [json.dumps(call.args, ensure_ascii=False, default=repr) for call in sent if channel.id in str(call.args)]


def nothing_leaked(quiet: Quiet, channel: Channel, *more: str) -> None:
    """No value, and in private mode no name, was sent to the channel."""
    here = quiet.here
    sent = told(here, channel)
    assert len(sent) > 1
    names = (*NAMES, "oldText", "content", "destination") if quiet.mode == "private" else ()
    for hidden in (SECRET, str(here.workspace), *names, *more):
        assert [text for text in sent if hidden in _without_ours(text)] == [], hidden
    for message in here.slack.all_messages():
        if message.channel == channel.id and message.bot_id == here.slack.bot_id:
            assert SECRET not in json.dumps(message.as_json(metadata=True))


def _without_ours(text: str) -> str:
    """Without keys of Slack's own that are the same words as a name."""
    return text.replace('"content"', "")


async def details(quiet: Quiet, card: Message, by: Person) -> View:
    """Open the window with everything."""
    before = quiet.here.slack.modals(by)
    await quiet.here.slack.click(card, "Review…" if "Review…" in card.buttons else "Details", by=by)
    await quiet.here.until(lambda: quiet.here.slack.modals(by) != before, what="the window")
    return quiet.here.slack.modals(by)[-1]


async def decide(quiet: Quiet, card: Message, by: Person, button: str) -> None:
    """Open the window of a card that does not show what it is about, and decide there."""
    view = await details(quiet, card, by)
    if button == "Approve":
        assert view.data["submit"]["text"].startswith("Approve")
        assert await quiet.here.slack.submit(by, view) == {}
    else:
        await quiet.here.slack.click(view, button, by=by)


def record_of(turn: Turn, card: Message) -> Message:
    [found] = [message for message in turn.here.slack.thread(turn.channel, turn.ts) if message.ts == card.ts]
    return found


async def write(quiet: Quiet, **more: Any) -> tuple[Turn, Path]:
    """The model wants to write over a file."""
    target = quiet.here.workspace / f"{SECRET}.txt"
    target.write_text(f"old {SECRET}\nkept\n")
    written = {"path": str(target), "content": f"new {SECRET}\nkept\n"}
    return await begin(quiet.here, "filesystem__write_file", written, **more), target


async def asked(turn: Turn) -> Message:
    """The card, whatever it is allowed to say."""
    here = turn.here
    await here.until(lambda: here.open_approvals(turn.ts), what="an open request", poll=0.02)

    def found() -> list[Message]:
        return [reply for reply in turn.said() if reply.buttons == ["Review…"]]

    return (await here.until(found, what="the card"))[0]


def full(view: View) -> str:
    return json.dumps(view.data, ensure_ascii=False)


@pytest.mark.across
async def test_a_request_shows_no_value_and_its_details_open_for_those_who_may_decide(quiet: Quiet) -> None:
    here = quiet.here
    turn, target = await write(quiet)
    card = await asked(turn)
    if quiet.mode == "summary":
        for name in ("Write a file", "path", "content"):
            assert name in card.plain
    else:
        assert "A tool call waits for a decision." in card.plain
    assert f"<@{here.alice.id}>" in card.plain
    assert f"<@{quiet.carol.id}>" in card.plain
    for person in (here.alice, quiet.carol):
        shown = full(await details(quiet, card, person))
        for words in (target.name, f"-old {SECRET}", f"+new {SECRET}"):
            assert words in shown
    await here.slack.click(card, "Review…", by=here.bob)
    word = await whispered(here, here.bob, "Only the person who asked")
    assert SECRET not in word.plain
    assert here.slack.modals(here.bob) == []

    await decide(quiet, card, here.alice, "Approve")
    await turn.ended()
    assert target.read_text() == f"new {SECRET}\nkept\n"
    record = record_of(turn, card)
    assert f"<@{here.alice.id}> approved" in record.plain
    assert "failed" not in record.plain
    assert SECRET in full(await details(quiet, record, here.alice))
    before = len(here.slack.ephemerals(here.bob))
    await here.slack.click(record, "Details", by=here.bob)
    await here.until(lambda: len(here.slack.ephemerals(here.bob)) > before, what="another word to Bob")
    assert here.slack.modals(here.bob) == []
    nothing_leaked(quiet, here.general)


async def test_the_step_of_a_call_that_ran_unasked_shows_neither_arguments_nor_result(quiet: Quiet) -> None:
    here = quiet.here
    path = here.workspace / f"{SECRET}.txt"
    path.write_text(f"one {SECRET}\ntwo\n")
    turn = await begin(here, "filesystem__read_text_file", {"path": str(path)})
    steps = await turn.ran_unasked()
    assert SECRET in turn.result()
    assert steps == ("complete: Read a file" if quiet.mode == "summary" else "complete: Did 1 thing")
    nothing_leaked(quiet, here.general)


FAILURES: Mapping[str, Callable[[World], tuple[str, dict[str, Any]]]] = {
    "a read of what is not there": lambda here: (
        "filesystem__read_text_file",
        {"path": str(here.workspace / f"{SECRET}.txt")},
    ),
    "a change that cannot be made": lambda here: (
        "filesystem__edit_file",
        {"path": str(here.workspace / f"{SECRET}.txt"), "edits": [{"oldText": SECRET, "newText": "x"}]},
    ),
    "arguments that do not fit": lambda here: ("filesystem__write_file", {"path": 7, "content": SECRET}),
    "a tool that is not there": lambda here: (f"filesystem__{SECRET}", {SECRET: SECRET}),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_call_that_fails_by_itself_tells_the_channel_nothing_of_it(quiet: Quiet, failure: str) -> None:
    tool, arguments = FAILURES[failure](quiet.here)
    turn = await begin(quiet.here, tool, arguments)
    await turn.ran_unasked()
    if quiet.mode == "private" or failure != "a tool that is not there":
        nothing_leaked(quiet, quiet.here.general)


async def test_the_error_of_an_approved_call_is_in_its_details_alone(quiet: Quiet) -> None:
    here = quiet.here
    turn = await begin(here, "shifting__obey", {"words": f"error {SECRET}", "end": "fails"})
    card = await asked(turn)
    await decide(quiet, card, quiet.carol, "Approve")
    await turn.ended()
    record = record_of(turn, card)
    assert "failed" in record.plain
    assert f"error {SECRET}" in full(await details(quiet, record, quiet.carol))
    nothing_leaked(quiet, here.general)


async def test_why_it_was_denied_is_told_to_the_model_and_not_to_the_channel(quiet: Quiet) -> None:
    here = quiet.here
    turn, _ = await write(quiet)
    card = await asked(turn)
    review = await details(quiet, card, quiet.carol)
    await here.slack.click(review, "approval.more", by=quiet.carol, option="Deny with a reason…")
    await here.until(lambda: here.slack.modals(quiet.carol)[-1] is not review, what="the window")
    window = here.slack.modals(quiet.carol)[-1]
    await here.slack.submit(quiet.carol, window, {"reason": {"value": f"because {SECRET}"}})
    await turn.ended()
    assert f"because {SECRET}" in turn.result()
    record = record_of(turn, card)
    assert f"<@{quiet.carol.id}> denied" in record.plain
    assert f"because {SECRET}" in full(await details(quiet, record, here.alice))
    nothing_leaked(quiet, here.general, "because")


async def test_a_call_that_was_cut_off_is_asked_about_without_a_value(quiet: Quiet) -> None:
    here = quiet.here
    turn = await begin(here, "shifting__obey", {"words": SECRET, "end": "dies"})
    card = await asked(turn)
    await decide(quiet, card, here.alice, "Approve")

    def doubt() -> list[Message]:
        open_ = [reply for reply in turn.said() if reply.buttons == ["Review…"]]
        return [reply for reply in open_ if reply.ts != card.ts]

    question = (await here.until(doubt, 30, "the question whether it ran"))[0]
    assert SECRET in full(await details(quiet, question, here.alice))
    await decide(quiet, question, here.alice, "Skip")
    await turn.ended()
    nothing_leaked(quiet, here.general)


async def test_what_was_edited_and_what_has_drifted_shows_no_value(quiet: Quiet) -> None:
    here = quiet.here
    turn, target = await write(quiet)
    card = await asked(turn)
    review = await details(quiet, card, here.alice)
    await here.slack.click(review, "Edit…", by=here.alice)
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the form")
    window = here.slack.modals(here.alice)[-1]
    field = next(block for block in window.blocks if block["type"] == "input" and block["label"]["text"] == "Content")
    changed = {field["block_id"]: {field["element"]["action_id"]: f"edited {SECRET}\n"}}
    assert await here.slack.submit(here.alice, window, changed) == {}

    def another() -> list[Message]:
        return [reply for reply in turn.said() if reply.buttons == ["Review…"]]

    await here.until(lambda: another() and "edited this" in card.plain, what="the changed version")
    await here.until(lambda: f"edited {SECRET}" in full(review), what="the changed version in the window")
    [second] = another()
    target.write_text(f"meanwhile {SECRET}")
    await decide(quiet, second, here.alice, "Approve")
    await here.until(
        lambda: [reply for reply in another() if reply.ts != second.ts], what="a fresh request after the drift"
    )
    third = next(reply for reply in another() if reply.ts != second.ts)
    shown = full(await details(quiet, third, here.alice))
    assert f"-meanwhile {SECRET}" in shown
    assert f"+edited {SECRET}" in shown
    await decide(quiet, third, here.alice, "Approve")
    await turn.ended()
    assert target.read_text() == f"edited {SECRET}\n"
    nothing_leaked(quiet, here.general)


async def test_an_undo_that_is_refused_says_why_in_the_details_alone(quiet: Quiet) -> None:
    here = quiet.here
    turn, target = await write(quiet)
    card = await asked(turn)
    await decide(quiet, card, here.alice, "Approve")
    await turn.ended()
    target.write_text(f"since {SECRET}")
    await here.slack.click(record_of(turn, card), "Undo", by=here.alice)
    await here.until(lambda: "not undone" in record_of(turn, card).plain, what="the refusal")
    await here.quiet()
    assert target.read_text() == f"since {SECRET}"
    nothing_leaked(quiet, here.general)


async def test_several_requests_in_one_message_show_no_value(quiet: Quiet) -> None:
    here = quiet.here
    paths = [here.workspace / f"{SECRET}{number}.txt" for number in (1, 2)]
    writes = [call("filesystem__write_file", {"path": str(path), "content": SECRET}) for path in paths]
    here.model.script(calls(*writes), text("Both are told."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write both")
    turn = Turn(here, here.alice, here.general, ts, "Both are told.")
    card = await here.reply(ts, "May I do these 2 things?")
    assert here.open_approvals(ts) == 2
    # The whole of a long argument is never a file in the thread.
    assert [reply for reply in turn.said() if reply.files] == []
    assert card.buttons == ["Review…"]
    view = await details(quiet, card, here.alice)
    assert view.data["title"]["text"] == "Review 2 things", "all of them are seen before any is approved"
    assert all(path.name in full(view) for path in paths)
    assert await here.slack.submit(here.alice, view) == {}
    await turn.ended()
    assert [path.read_text() for path in paths] == [SECRET] * 2
    nothing_leaked(quiet, here.general)


async def test_however_long_the_arguments_are_they_are_no_file_in_the_thread(quiet: Quiet) -> None:
    here = quiet.here
    content = "".join(f"line {number} {SECRET} {'é' * 20}\n" for number in range(12_000))
    turn = await begin(here, "filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": content})
    card = await asked(turn)
    assert [reply for reply in turn.said() if reply.files] == []
    assert SECRET in full(await details(quiet, card, here.alice))
    assert here.slack.workspace.files == {}
    await decide(quiet, card, here.alice, "Deny")
    await turn.ended()
    nothing_leaked(quiet, here.general)


@pytest.mark.parametrize("kind", ["im", "mpim", "group"])
async def test_in_a_closed_conversation_everything_is_shown(quiet: Quiet, kind: str) -> None:
    here = quiet.here
    places: Mapping[str, Callable[[], Channel]] = {
        "im": lambda: here.slack.open_dm(here.alice),
        "mpim": lambda: here.slack.workspace.direct([here.alice, here.bob]),
        "group": lambda: here.slack.add_channel("closed", [here.alice, here.bob], "group"),
    }
    turn, target = await write(quiet, channel=places[kind]())
    card = await asked_in_full(turn)
    for words in (target.name, f"-old {SECRET}", f"+new {SECRET}"):
        assert words in card.plain
    assert "Details" not in card.buttons
    await here.slack.click(card, "approval.approved", by=here.alice)
    await turn.ended()
    record = record_of(turn, card)
    assert f"<@{here.alice.id}> approved" in record.plain
    assert f"{SECRET}.txt" in record.plain
    assert not any(words in record.plain for words in ("in progress", "failed", "not done"))


async def test_a_group_direct_message_of_which_slack_may_not_tell_is_an_open_one(quiet: Quiet) -> None:
    here = quiet.here
    here.expected_refusals += ["conversations.info: missing_scope", "conversations.members: missing_scope"]
    here.slack.scopes.discard("mpim:read")
    turn, _ = await write(quiet, channel=here.slack.workspace.direct([here.alice, here.bob]))
    card = await asked(turn)
    await decide(quiet, card, here.alice, "Deny")
    await turn.ended()
    here.slack.scopes.add("mpim:read")
    nothing_leaked(quiet, turn.channel)


async def asked_in_full(turn: Turn) -> Message:
    return await turn.here.reply(turn.ts, SECRET, turn.channel)


@pytest.mark.parametrize("kind", ["group", "channel", "mpim"])
async def test_a_channel_that_is_shared_with_others_is_an_open_one(quiet: Quiet, kind: Any) -> None:
    here = quiet.here
    outsider = here.slack.add_person("Olga Other", team_id="T0OTHER")
    shared = here.slack.add_channel("shared", [here.alice, here.bob, outsider], kind)
    assert shared.shared_externally
    turn, _ = await write(quiet, channel=shared)
    card = await asked(turn)
    await here.slack.click(card, "Review…", by=outsider)
    await whispered(here, outsider, "Only active members of this workspace")
    assert here.slack.modals(outsider) == []
    await decide(quiet, card, here.alice, "Deny")
    await turn.ended()
    nothing_leaked(quiet, shared)


async def test_a_channel_of_which_slack_does_not_tell_is_an_open_one(quiet: Quiet) -> None:
    here = quiet.here
    closed = here.slack.add_channel("closed", [here.alice, here.bob], "group")
    here.slack.faults.add("conversations.info", "error", times=None)
    turn, _ = await write(quiet, channel=closed)
    card = await asked(turn)
    await decide(quiet, card, here.alice, "Approve")
    await turn.ended()
    nothing_leaked(quiet, closed)


async def test_a_standing_grant_is_not_told_of_in_the_open(quiet: Quiet) -> None:
    here = quiet.here
    turn, target = await write(quiet)
    card = await asked(turn)
    review = await details(quiet, card, here.alice)
    await here.slack.click(review, "Always…", by=here.alice)
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the window")
    window = here.slack.modals(here.alice)[-1]
    given = {"scope": {"value": "folder:0"}}
    assert await here.slack.submit(here.alice, window, given) == {"response_action": "clear"}
    await turn.ended()
    again = await begin(
        here, "filesystem__write_file", {"path": str(target), "content": f"2 {SECRET}"}, thread_ts=turn.ts
    )
    assert "grant" not in await again.ran_unasked()
    assert target.read_text() == f"2 {SECRET}"
    nothing_leaked(quiet, here.general)
