"""An open question is seen by somebody who may answer it: a deleted card comes back once, and approvers who are not in
the conversation are asked by direct message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@asynccontextmanager
async def opened(folder: Path, names: str = "", **people: str) -> AsyncGenerator[tuple[World, dict[str, Person]]]:
    """A bot whose approvers are `names`, in which `{carol}` stands for the id of a person of that name."""
    async with inside(folder, start=False) as here:
        found = {key: here.slack.add_person(name) for key, name in people.items()}
        ids = {key: person.id for key, person in found.items()}
        toml = (
            f"[approvals]\napprovers = {names.format(**ids, alice=here.alice.id, bob=here.bob.id)}\n" if names else ""
        )
        (here.bot.home / "bot.toml").write_text(toml)
        await here.bot.start()
        yield here, found


def script(here: World, name: str = "a.txt") -> None:
    write = call("filesystem__write_file", {"path": str(here.workspace / name), "content": "hello"})
    here.model.script(calls(write), text("Done with it."))


async def another(here: World, card: Message) -> Message:
    """The card that has taken the place of one that was deleted, of which the harness must not complain."""

    def found() -> list[Message]:
        replies = here.replies(card.thread_ts or "")
        return [each for each in replies if each.ts != card.ts and "Waiting for you" in each.plain]

    again = (await here.until(found, what="another card"))[0]
    card.metadata = None
    return again


async def asked(here: World, person: Person) -> Message:
    """The card that somebody has got by direct message."""
    dm = here.slack.open_dm(person)

    def found() -> list[Message]:
        return [each for each in dm.messages.values() if "Waiting for you" in each.plain and not each.deleted]

    return (await here.until(found, what="a direct message"))[0]


async def deleted_once(here: World) -> tuple[str, Person, Message]:
    """Have an admin delete a card. Out: the thread, the admin, the card that was posted again."""
    admin = here.slack.add_person("Adam Admin", admin=True)
    script(here)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    card = await here.reply(ts, "Waiting for you")
    await here.slack.delete(here.general, card.ts, admin)
    again = await another(here, card)
    await here.quiet()
    return ts, admin, again


async def test_a_deleted_card_is_posted_again_once_and_can_be_decided(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, _):
        ts, _, again = await deleted_once(here)
        await here.slack.click(again, "Approve", by=here.alice)
        await here.reply(ts, "Done with it.")
        await here.quiet()
        assert (here.workspace / "a.txt").read_text() == "hello"


async def test_a_card_that_is_deleted_twice_ends_with_a_sentence_and_the_model_reads_why(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, _):
        ts, admin, again = await deleted_once(here)
        first = [sent.event_id for sent in here.slack.envelopes if sent.payload.get("event", {}).get("deleted_ts")]
        await here.slack.redeliver(first[0] or "", 2)
        await here.quiet()
        assert here.open_approvals(ts) == 1, "the same deletion again is none"
        await here.slack.delete(here.general, again.ts, admin)
        await here.reply(ts, "was deleted twice")
        await here.reply(ts, "Done with it.")
        await here.quiet()
        assert any("write a.txt · the message that asked for it was deleted twice" in step for step in shown(here, ts))
        assert not (here.workspace / "a.txt").exists()
        assert "deleted twice" in here.model.requests[-1].results[0]
        assert [row[0] for row in here.bot.rows("SELECT decision FROM questions")] == ["withdrawn"]


async def test_a_deletion_that_no_event_told_of_is_noticed_when_the_card_changes(tmp_path: Path) -> None:
    async with opened(tmp_path, '["requester", "{bob}"]\nneeded = 2') as (here, _):
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        card = await here.reply(ts, "Waiting for you")
        here.expected_refusals.append("chat.update: message_not_found")
        snapshot = card.snapshot()
        here.slack.workspace.remove(here.general, here.general.messages[card.ts])
        await here.slack.click_raw(snapshot, "Approve", by=here.alice)
        again = await another(here, card)
        assert "1 of 2" in again.plain
        await here.slack.click(again, "Approve", by=here.bob)
        await here.reply(ts, "Done with it.")
        await here.quiet()


@pytest.mark.parametrize("where", ["channel", "group", "im"])
async def test_an_approver_who_is_not_there_is_asked_by_direct_message_and_decides_there(
    tmp_path: Path, where: str
) -> None:
    async with opened(tmp_path, '["{carol}"]', carol="Carol Chief") as (here, people):
        place: Channel = here.slack.open_dm(here.alice) if where == "im" else here.general
        if where == "group":
            place = here.slack.add_channel("secret", [here.alice], "group")
        script(here)
        ts = await here.slack.say(place, here.alice, "<@BOT> write")
        card = await here.reply(ts, "Waiting for you", place)
        said = await here.reply(ts, "whom I asked by direct message", place)
        assert f"<@{people['carol'].id}>" in said.plain
        copy = await asked(here, people["carol"])
        assert f"<@{here.alice.id}>" in copy.plain
        assert (f"<#{place.id}>" in copy.plain) == (where != "im")
        await here.quiet()
        here.expected_refusals.append("chat.postEphemeral: user_not_in_channel")
        await here.slack.click_raw(copy.snapshot(), "Approve", by=here.bob)
        await here.slack.click_raw(copy.snapshot(), "Approve", by=here.alice)
        assert here.open_approvals(ts) == 1, "a forged click on the copy decides nothing"
        await here.slack.click(copy, "Approve", by=people["carol"])
        await here.reply(ts, "Done with it.", place)
        await here.quiet()
        shown = [place.messages[card.ts], here.slack.open_dm(people["carol"]).messages[copy.ts]]
        for each in shown:
            assert " approved" in each.plain
            assert "Approve" not in each.buttons
        assert here.slack.ephemerals(people["carol"]) == []


async def test_nobody_is_asked_directly_in_a_thread_that_is_gone(tmp_path: Path) -> None:
    async with opened(tmp_path, '["{carol}"]', carol="Carol Chief") as (here, people):
        here.slack.events.subscriptions.discard("message.channels")
        begun, deleted = asyncio.Event(), asyncio.Event()

        async def think(request: ChatRequest) -> Completion:
            begun.set()
            await deleted.wait()
            return calls(call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "hello"}))

        here.model.respond = think
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await asyncio.wait_for(begun.wait(), 10)
        await here.slack.delete(here.general, ts, here.alice)  # the bot gets no event
        deleted.set()
        await here.until(lambda: here.bot.rows("SELECT 1 FROM threads WHERE gone <> ''"), what="the end of the thread")
        await here.quiet()
        assert here.bot.rows("SELECT decision FROM questions") == [("stopped",)]
        assert not here.slack.open_dm(people["carol"]).messages


async def test_who_sees_the_conversation_gets_no_direct_message(tmp_path: Path) -> None:
    async with opened(tmp_path, '["{bob}", "{carol}"]', carol="Carol Chief") as (here, people):
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.reply(ts, "Waiting for you")
        await here.quiet()
        assert not here.slack.open_dm(people["carol"]).messages
        assert not here.slack.open_dm(here.bob).messages


async def test_when_nobody_is_left_who_may_approve_nobody_is_asked_and_the_model_reads_why(tmp_path: Path) -> None:
    async with opened(tmp_path, '["{carol}", "{dave}"]', carol="Carol Chief", dave="Dave") as (here, people):
        await here.slack.deactivate(people["carol"])
        here.slack.forget(people["dave"])
        here.expected_refusals.append("users.info: user_not_found")
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.reply(ts, "Done with it.")
        await here.quiet()
        assert "nobody who may approve this is there any more" in here.model.requests[-1].results[0]
        assert here.open_approvals(ts) == 0


async def test_when_an_approver_leaves_the_next_is_asked_and_then_it_ends(tmp_path: Path) -> None:
    async with opened(tmp_path, '["{carol}", "{dave}"]', carol="Carol Chief", dave="Dave") as (here, people):
        here.slack.workspace.join(here.general, people["carol"])
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.reply(ts, "Waiting for you")
        await here.quiet()
        await here.slack.deactivate(people["carol"])
        await look(here)
        await asked(here, people["dave"])
        await here.quiet()
        await here.slack.deactivate(people["dave"])
        await look(here)
        await here.reply(ts, "Nobody who may approve this is left")
        await here.reply(ts, "Done with it.")
        await here.quiet()
        assert any("write a.txt · nobody who may approve it is left" in step for step in shown(here, ts))
        assert not any("Say so" in each or "Slack did not" in each for each in shown(here, ts))
        assert [row[0] for row in here.bot.rows("SELECT decision FROM questions")] == ["withdrawn"]


async def test_slack_that_does_not_answer_ends_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, '["{carol}"]', carol="Carol Chief") as (here, people):
        here.slack.faults.add("conversations.members", "error", code="internal_error", times=None)
        here.slack.faults.add(
            "users.info",
            "error",
            code="internal_error",
            times=None,
            match=lambda call: call["user"] == people["carol"].id,
        )
        here.errors_expected = True
        here.expected_refusals += ["internal_error"]
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.reply(ts, "Waiting for you", timeout=30)
        await here.quiet()
        assert here.open_approvals(ts) == 1
        here.slack.faults.clear()
        await look(here)
        await asked(here, people["carol"])
        await here.quiet()


def shown(here: World, ts: str) -> list[str]:
    return [reply.plain for reply in here.replies(ts)]


async def look(here: World) -> None:
    """Have the bot look again who is there, by now with nothing remembered."""
    assert isinstance(here.bot, BotInside)
    await here.bot.parts.look_again()


async def test_who_is_refused_because_nobody_can_approve_reads_why(tmp_path: Path) -> None:
    async with opened(tmp_path, '["{carol}"]', carol="Carol Chief") as (here, people):
        await here.slack.deactivate(people["carol"])
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.reply(ts, "nobody who may approve it is left")
        await here.reply(ts, "Done with it.")
        await here.quiet()
        assert not any("not allowed here" in reply.plain for reply in here.replies(ts))


async def test_who_clicks_in_a_thread_that_is_gone_is_told_in_the_conversation(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, _):
        script(here)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        card = await here.reply(ts, "Waiting for you")
        await here.quiet()
        here.slack.faults.add(
            "chat.postEphemeral", "error", code="thread_not_found", match=lambda call: bool(call.get("thread_ts"))
        )
        here.expected_refusals.append("thread_not_found")
        await here.slack.click(card, "Approve", by=here.bob)
        await here.until(lambda: here.slack.ephemerals(here.bob), what="a word")
        assert "can decide" in here.slack.ephemerals(here.bob)[-1].plain
        assert "could not reply" not in here.bot.log
