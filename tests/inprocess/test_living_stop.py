"""Whatever a turn is doing, its message offers Stop while it is being written, streamed or posted; where there is no
message yet, because Slack shows a status, Slack's own Stop is there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.slack.blocks import turn_menu
from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from slack_sandbox.text import elements
from tests.harness import World
from tests.inprocess.model import NearModel
from tests.inprocess.test_stop_calls import SERVER
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


class Writing(NearModel):
    """Writes the first half of what it says, and no more."""

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        reply = await super().complete(request)
        said = str(reply.message.get("content") or "")
        if on_text is not None and said:
            on_text.add(said[: len(said) // 2])
            await asyncio.sleep(3600)
        return reply


class Silent(NearModel):
    """Says nothing at all."""

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        await super().complete(request)
        await asyncio.sleep(3600)
        raise AssertionError


@asynccontextmanager
async def stage(home: Path, *, agent: bool, model: type[NearModel] = NearModel) -> AsyncGenerator[World]:
    """A bot with a server whose calls never end."""
    served = {"command": sys.executable, "args": [str(SERVER), str(home / "journal")], "trusted": True}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": {"post": served}}))
    async with inside(home, start=False) as here:
        bot = here.bot
        assert isinstance(bot, BotInside)
        bot.model_of = lambda loaded: model(here.model, api_key="k", base_url="", models=loaded.models)
        if not agent:
            here.slack.scopes.discard("assistant:write")
        await bot.start()
        yield here


def living(here: World, ts: str) -> Message | None:
    """The message of the turn, if it offers Stop."""
    thread = here.slack.thread(here.general, ts)
    ours = [each for each in thread if each.bot_id == here.slack.bot_id]
    return next((each for each in ours if turn_menu.value(turn_menu.STOP, 1) in elements_of(each)), None)


def elements_of(message: Message) -> list[str]:
    """What the options of its menus stand for."""
    options = [option for each in elements(message.blocks) for option in each.get("options") or ()]
    return [str(option["value"]) for option in options]


async def offered(here: World, ts: str) -> Message:
    await here.until(lambda: living(here, ts) is not None, what="Stop in the menu", poll=0.01)
    found = living(here, ts)
    assert found is not None
    return found


async def stopped(here: World, ts: str) -> Message:
    """Alice stops it, and is told. Out: the message that says so."""
    said = await here.reply(ts, "Stopped.")
    await here.quiet()
    assert here.bot.rows("SELECT outcome FROM turns") == [("stopped",)]
    assert living(here, ts) is None, "nothing is offered any more"
    assert not any(each.streaming for each in here.slack.thread(here.general, ts))
    assert "in_progress" not in str([each.blocks for each in here.replies(ts)]), "no card is left spinning"
    return said


@pytest.mark.parametrize("agent", [True, False])
async def test_while_the_model_writes(tmp_path: Path, agent: bool) -> None:
    async with stage(tmp_path, agent=agent, model=Writing) as here:
        here.model.script(text("I will tell you a long story about it. " * 10))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> tell me")
        shown = await offered(here, ts)
        assert shown.streaming
        await here.slack.click(shown, "turn.on.menu", by=here.alice, option="Stop")
        said = await stopped(here, ts)
        assert said.ts == shown.ts
        assert "long story" not in said.plain, "what was not finished is not kept"


@pytest.mark.parametrize("agent", [True, False])
async def test_while_a_safe_call_runs(tmp_path: Path, agent: bool) -> None:
    async with stage(tmp_path, agent=agent) as here:
        here.model.script(calls(call("post__look", {})), text("Late."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> look")
        shown = await offered(here, ts)
        await here.slack.click(shown, "turn.on.menu", by=here.alice, option="Stop")
        await stopped(here, ts)
        await here.until(lambda: "cancelled look" in (tmp_path / "journal").read_text(), what="the cancellation")


@pytest.mark.parametrize("agent", [True, False])
async def test_while_a_person_is_waited_for(tmp_path: Path, agent: bool) -> None:
    async with stage(tmp_path, agent=agent) as here:
        here.model.script(calls(call("post__send", {})), text("Late."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> send")
        card = await here.reply(ts, "Waiting for you")
        await here.quiet()
        await here.slack.click(card, "approval.more", by=here.alice, option="Stop")
        await stopped(here, ts)
        assert not (tmp_path / "journal").exists()


@pytest.mark.parametrize("agent", [True, False])
async def test_while_a_call_runs_that_was_approved(tmp_path: Path, agent: bool) -> None:
    async with stage(tmp_path, agent=agent) as here:
        here.model.script(calls(call("post__send", {})), text("Late."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> send")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.until((tmp_path / "journal").exists, what="the call")
        if agent:
            await processing(here, ts)
            await here.slack.press_stop(here.general, ts, here.alice)
        else:
            await here.slack.click(await offered(here, ts), "turn.on.menu", by=here.alice, option="Stop")
        said = await stopped(here, ts)
        assert "May have been done, or in part: Send" in said.plain


@pytest.mark.parametrize("agent", [True, False])
async def test_before_there_is_anything_to_show(tmp_path: Path, agent: bool) -> None:
    async with stage(tmp_path, agent=agent, model=Silent) as here:
        here.model.script(text("Late."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> think")
        if agent:
            await processing(here, ts)
            await here.slack.press_stop(here.general, ts, here.alice)
        else:
            await here.slack.click(await offered(here, ts), "turn.on.menu", by=here.alice, option="Stop")
        await stopped(here, ts)
        assert len(here.replies(ts)) == 1


async def processing(here: World, ts: str) -> None:
    """Wait until Slack shows its own Stop: while the session's status is `processing`."""
    sessions = here.slack.workspace.sessions
    await here.until(lambda: sessions.get((here.general.id, ts), {}).get("status") == "processing", what="the status")
