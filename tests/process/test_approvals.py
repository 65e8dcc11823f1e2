"""What a person approves is what runs, once."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World, steps, world
from tests.process.asking import decide, preformatted, window

pytestmark = pytest.mark.anyio


async def ask_to_write(here: World, content: str = "hello", path: str = "a.txt") -> tuple[str, Message]:
    """Have the model want to write a file; out: the thread and the card."""
    target = str(here.workspace / path)
    here.model.script(
        calls(call("filesystem__write_file", {"path": target, "content": content})), text("It is written.")
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write it")
    return ts, await here.reply(ts, "Waiting for you")


async def test_nothing_is_written_before_somebody_approves_and_then_exactly_what_was_shown(here: World) -> None:
    ts, card = await ask_to_write(here, "line one\nline two\n")
    assert card.buttons == ["Approve", "Deny", "Edit…", "Always…"]
    assert f"Create {here.workspace.name}/a.txt? new file, 2 lines" in card.plain
    assert "+line one\n+line two" in card.plain
    assert str(here.workspace) not in card.plain
    assert not (here.workspace / "a.txt").exists()

    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "line one\nline two\n"
    record = next(reply for reply in here.replies(ts) if reply.ts == card.ts)
    assert record.buttons == ["Undo", "Diff"]
    assert f"<@{here.alice.id}> approved" in record.plain
    assert len(here.model.requests) == 2


async def test_a_denial_goes_back_to_the_model_as_the_calls_result(here: World) -> None:
    ts, card = await ask_to_write(here)
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()
    assert not (here.workspace / "a.txt").exists()
    assert "denied" in here.model.requests[1].messages[-1]["content"]
    record = next(reply for reply in here.replies(ts) if reply.ts == card.ts)
    assert f"<@{here.alice.id}> denied" in record.plain


async def test_somebody_else_is_told_who_may_and_changes_nothing(here: World) -> None:
    ts, card = await ask_to_write(here)
    await here.slack.click(card, "Approve", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="an ephemeral for Bob")
    assert f"Only <@{here.alice.id}>" in here.slack.ephemerals(here.bob)[0].plain
    assert not (here.workspace / "a.txt").exists()
    assert here.replies(ts)[-1].buttons == ["Approve", "Deny", "Edit…", "Always…"]
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()


async def test_a_second_click_is_told_how_it_was_decided_and_runs_nothing(here: World) -> None:
    ts, card = await ask_to_write(here)
    stale = card.snapshot()
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()
    await here.slack.click_raw(stale, "Approve", by=here.alice)
    await here.until(lambda: here.slack.ephemerals(here.alice), what="an ephemeral for Alice")
    assert "already denied" in here.slack.ephemerals(here.alice)[0].plain
    assert not (here.workspace / "a.txt").exists()


@pytest.mark.parametrize("forgery", ["digest", "request", "channel", "team", "message", "decision", "garbage"])
async def test_a_forged_click_settles_nothing(here: World, forgery: str) -> None:
    here.expected_refusals.append("channel_not_found")
    ts, card = await ask_to_write(here)
    action = next(block for block in card.blocks if block["type"] == "actions")["elements"][0]
    value = json.loads(action["value"])
    forged = {**action, "type": "button", "block_id": "b", "action_ts": "1.0"}
    body = {
        "type": "block_actions",
        "team": {"id": "T0OTHER" if forgery == "team" else here.slack.team_id, "domain": "x"},
        "user": {"id": here.alice.id, "team_id": here.slack.team_id},
        "channel": {"id": "C0OTHER" if forgery == "channel" else here.general.id, "name": "general"},
        "container": {"type": "message", "message_ts": card.ts, "channel_id": here.general.id, "thread_ts": ts},
        "message": {"ts": "1.000001" if forgery == "message" else card.ts, "thread_ts": ts},
        "trigger_id": "1.2.3",
        "actions": [forged],
    }
    if forgery == "digest":
        value["d"] = "0" * 64
    if forgery == "request":
        value["a"] = "somebody-elses"
    forged["value"] = "{" if forgery == "garbage" else json.dumps(value)
    if forgery == "decision":
        forged["action_id"] = "approval.it_ran"
    envelope = await here.slack.deliver(body)
    await here.until(lambda: envelope.acked_at, what="the ack")
    await here.until(lambda: here.slack.ephemerals(here.alice) or here.slack.rejected, what="a word, or its refusal")
    await here.quiet()
    assert here.open_approvals(ts) == 1
    assert not (here.workspace / "a.txt").exists()
    assert len(here.model.requests) == 1


async def test_arguments_that_do_not_fit_are_shown_in_full_in_a_window(here: World) -> None:
    content = "".join(f"line {number}\n" for number in range(4000))
    ts, card = await ask_to_write(here, content)
    assert card.buttons == ["Approve", "Deny", "Edit…", "Always…", "Details"]
    view = await window(here, card, "Details", here.alice)
    shown = "".join(preformatted(view))
    assert content in shown
    assert "".join(f"+{line}\n" for line in content.splitlines()) in shown
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()


async def test_arguments_too_long_for_a_window_are_a_file_above_the_card(here: World) -> None:
    content = "".join(f"line {number} {'and some more words ' * 7}\n" for number in range(4_000))
    ts, card = await ask_to_write(here, content)
    assert card.buttons == ["Approve", "Deny", "Edit…", "Always…", "Details"]
    [above, below] = [reply for reply in here.replies(ts) if reply.files or reply.buttons]
    assert below.ts == card.ts, "the file stands above the card"
    file = above.files[0]
    assert file.name in card.plain
    whole = file.content.decode()
    assert indent(content, " " * 8) in whole
    assert "".join(f"    +{line}\n" for line in content.splitlines()) in whole
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()
    assert (here.workspace / "a.txt").read_text() == content


@pytest.mark.parametrize("size", [3_200, 9_000, 650_000])
async def test_short_arguments_are_on_the_card_in_full_however_long_the_others_are(here: World, size: int) -> None:
    ts, card = await ask_to_write(here, "x" * size)
    assert f"Create {here.workspace.name}/a.txt?" in card.plain
    assert "2 more lines of the change are not shown here" in card.plain
    assert "Details" in card.buttons
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is written.")
    record = next(reply for reply in here.replies(ts) if reply.ts == card.ts)
    assert f"denied · {here.workspace.name}/a.txt +1" in record.plain
    assert record.buttons == ["Diff"]


async def test_what_the_model_says_beside_a_risky_call_is_read_before_the_card(here: World) -> None:
    target = str(here.workspace / "a.txt")
    write = call("filesystem__write_file", {"path": target, "content": "x"})
    here.model.script(calls(write, text="I found two problems and fix the first."), text("Fixed."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> look")
    card = await here.reply(ts, "Waiting for you")
    kinds = [block["type"] for block in card.blocks]
    assert card.blocks[0] == {**card.blocks[0], "type": "markdown", "text": "I found two problems and fix the first."}
    assert kinds.index("markdown") < kinds.index("actions")
    assert here.replies(ts) == [card]
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "Fixed.")


async def test_arguments_cannot_forge_a_line_a_mention_or_a_button(here: World) -> None:
    _, card = await ask_to_write(here, "*Approved by <@U1>*\n<!channel> :white_check_mark: \u202egnp.exe", "a`b*c.txt")
    rich = [block for block in card.blocks if block["type"] == "rich_text"]
    assert "⟨U+202E⟩" in card.plain
    assert "<!channel>" in json.dumps(rich)
    assert card.pings == [f"<@{here.alice.id}>"]
    await here.slack.click(card, "Deny", by=here.alice)
    await here.quiet()


async def test_several_calls_of_one_step_are_decided_one_by_one(here: World) -> None:
    paths = [str(here.workspace / name) for name in ("one.txt", "two.txt")]
    (here.workspace / "read.txt").write_text("text")
    here.model.script(
        calls(
            call("filesystem__write_file", {"path": paths[0], "content": "1"}),
            call("filesystem__read_text_file", {"path": str(here.workspace / "read.txt")}),
            call("filesystem__write_file", {"path": paths[1], "content": "2"}),
        ),
        text("One of two."),
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write both")
    card = await here.reply(ts, "May I do these 2 things?")
    await here.quiet()
    [only] = here.replies(ts)
    assert only.ts == card.ts
    assert [step.partition(" · ")[0] for step in steps(card)] == [f"complete: Read {here.workspace.name}/read.txt"]
    await decide(here, card, 2, "approved", here.alice)
    await here.model.until((here.workspace / "two.txt").exists, what="the approved file")
    assert len(here.model.requests) == 1
    await decide(here, card, 1, "denied", here.alice)
    await here.reply(ts, "One of two.")
    await here.quiet()
    results = [message["content"] for message in here.model.requests[1].messages if message["role"] == "tool"]
    assert "denied" in results[0]
    assert results[1] == "text"
    assert "Successfully wrote" in results[2]
    assert not (here.workspace / "one.txt").exists()


async def test_a_message_while_a_card_is_open_gets_a_word_and_joins_the_next_request(here: World) -> None:
    ts, card = await ask_to_write(here)
    await here.slack.say(here.general, here.alice, "are you there?", thread_ts=ts)
    await here.reply(ts, "I'm waiting for the decision above.")
    await here.slack.say(here.general, here.alice, "hello?", thread_ts=ts)
    notice = await here.reply(ts, "hello?")
    assert notice.buttons == ["Deny and do this instead", "Keep waiting"]
    assert sum("I'm waiting" in reply.plain for reply in here.replies(ts)) == 1
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is written.")
    await here.quiet()
    assert [message["role"] for message in here.model.requests[1].messages][-3:] == ["tool", "user", "user"]
    assert not any("I'm waiting" in reply.plain for reply in here.replies(ts))


async def test_a_request_that_nobody_decides_expires_as_denied(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[limits]\napproval_hours = 0.0005\nsweep_seconds = 0.2\n")
    async with world(tmp_path) as here:
        ts, _ = await ask_to_write(here)
        await here.until(lambda: "Expired" in here.replies(ts)[0].plain, what="the card to expire")
        await here.reply(ts, "It is written.")
        assert "nobody decided" in here.model.requests[1].messages[-1]["content"]
        assert not (here.workspace / "a.txt").exists()
