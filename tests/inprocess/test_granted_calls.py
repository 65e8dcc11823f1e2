"""Calls that run under a standing grant are rows at the end of the turn's message, which stays one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.core.ports.model import ModelRequest, Reply, TextListener
from slack_sandbox.model import Message
from slack_sandbox.openrouter import Call, call, calls, text
from tests.harness import World
from tests.inprocess.model import NearModel
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


class Waits(NearModel):
    """Writes the beginning of its last answer, and the rest once it may."""

    rest = asyncio.Event()

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        reply = await super().complete(request, on_text)
        if "All is written" in str(reply.message["content"]):
            await self.rest.wait()
        return reply


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        assert isinstance(this.bot, BotInside)
        Waits.rest = asyncio.Event()
        this.bot.model_of = lambda loaded: Waits(
            this.model, api_key=loaded.openrouter_api_key, base_url="", models=loaded.models
        )
        await this.bot.start()
        yield this


def write(here: World, name: str) -> Call:
    return call("filesystem__write_file", {"path": str(here.workspace / name), "content": "new\n"})


async def allowed(here: World) -> str:
    """Alice allows all files for a day; out: the thread."""
    here.model.script(calls(write(here, "first.txt")), text("It is done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> begin")
    await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
    await here.quiet()
    [card] = here.replies(ts)
    await here.slack.click(card, "Always…", by=here.alice)
    [view] = await here.until(lambda: here.slack.modals(here.alice), what="the window")
    await here.slack.submit(here.alice, view, {"scope": {"value": "any"}})
    await here.reply(ts, "It is done.")
    await here.quiet()
    return ts


def rows(message: Message) -> list[str]:
    return [line for line in message.plain.split("\n") if " · allowed by Alice Smith until " in line]


def kinds(message: Message) -> list[str]:
    return [str(block["type"]) for block in message.blocks or []]


async def test_what_was_done_is_seen_with_its_buttons_before_the_turn_ends(here: World) -> None:
    ts = await allowed(here)
    before = len(here.replies(ts))
    here.model.script(calls(write(here, "a.txt"), write(here, "b.txt")), text("All is written."))
    await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
    [said] = await here.until(lambda: [each for each in here.replies(ts)[before:] if len(rows(each)) == 2], what="rows")
    assert here.bot.rows("SELECT count(*) FROM turns WHERE ended_at IS NULL") == [(1,)]
    assert [each for each in said.buttons if each in ("Diff", "Undo", "Revoke")] == ["Diff", "Undo", "Revoke"] * 2
    await here.slack.click(said, "Undo", by=here.alice)
    await here.until(lambda: len(list(here.workspace.glob("?.txt"))) == 1, what="the undo", poll=0.01)
    assert here.bot.rows("SELECT count(*) FROM turns WHERE ended_at IS NULL") == [(1,)], "the turn goes on"
    Waits.rest.set()
    await here.reply(ts, "All is written.")
    await here.quiet()
    [said] = here.replies(ts)[before:]
    assert "undone by" in said.plain
    assert kinds(said) == ["markdown", *["rich_text", "actions"] * 3, "context_actions"], "the last is the ledger"


async def test_a_text_before_it_and_one_after_it_are_in_the_same_message(here: World) -> None:
    ts = await allowed(here)
    before = len(here.replies(ts))
    Waits.rest.set()
    here.model.script(calls(write(here, "a.txt"), text="Let me write it."), text("All is written."))
    await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
    await here.reply(ts, "All is written.")
    await here.quiet()
    [said] = here.replies(ts)[before:]
    assert len(rows(said)) == 1
    assert "Let me write it." in said.plain
    assert kinds(said) == ["markdown", "markdown", "rich_text", "actions", "context_actions"]


async def test_a_request_after_it_ends_the_same_message(here: World) -> None:
    ts = await allowed(here)
    before = len(here.replies(ts))
    (here.workspace / "folder").mkdir()
    made = call("filesystem__create_directory", {"path": str(here.workspace / "new")})
    here.model.script(calls(write(here, "a.txt")), calls(made), text("It is over."))
    await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
    await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.01)
    await here.quiet()
    [said] = here.replies(ts)[before:]
    assert len(rows(said)) == 1
    assert [each for each in said.buttons if each in ("Undo", "Revoke", "Deny")] == ["Undo", "Revoke", "Deny"]
    await here.slack.click(said, "Deny", by=here.alice)
    await here.reply(ts, "It is over.")
    await here.quiet()
    assert len(here.replies(ts)[before:]) == 2
    await here.slack.click(here.replies(ts)[before], "Revoke", by=here.alice)
    await here.until(lambda: "revoked since" in here.replies(ts)[before].plain, what="the end of the grant")


async def test_a_call_under_a_grant_that_fails_is_a_step(here: World) -> None:
    ts = await allowed(here)
    before = len(here.replies(ts))
    Waits.rest.set()
    (here.workspace / "file").write_text("no folder")
    here.model.script(calls(write(here, "file/a.txt")), text("It did not work."))
    await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
    await here.reply(ts, "It did not work.")
    await here.quiet()
    [said] = here.replies(ts)[before:]
    assert rows(said) == []
    assert kinds(said)[0] == "task_card"


async def test_more_rows_than_a_message_holds_go_on_in_the_next(here: World) -> None:
    ts = await allowed(here)
    before = len(here.replies(ts))
    Waits.rest.set()
    names = [f"{number}.txt" for number in range(24)]
    here.model.script(*(calls(*(write(here, name) for name in names[at : at + 8])) for at in (0, 8, 16)), text("Done."))
    await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
    await here.reply(ts, "Done.")
    await here.quiet()
    said = here.replies(ts)[before:]
    assert sum(len(rows(each)) for each in said) == 24
    assert len(said) == 2


async def test_every_record_says_that_its_grant_was_revoked(here: World) -> None:
    ts = await allowed(here)
    before = len(here.replies(ts))
    Waits.rest.set()
    for name in ("a.txt", "b.txt"):
        here.model.script(calls(write(here, name)), text(f"{name} is written."))
        await here.slack.say(here.general, here.alice, "<@BOT> go on", thread_ts=ts)
        await here.reply(ts, f"{name} is written.")
    await here.quiet()
    first, second = here.replies(ts)[before:]
    assert all("Revoke" in each.buttons for each in (first, second))
    await here.slack.click(second, "Revoke", by=here.alice)
    await here.until(lambda: not any("Revoke" in each.buttons for each in (first, second)), what="both", poll=0.01)
