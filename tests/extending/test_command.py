"""A slash command that is added from outside: it is answered, and whatever else is typed still gets its ack."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.service import LISTENERS
from slack_sandbox.openrouter import text
from tests.extending import tools_command
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        assert isinstance(this.bot, BotInside)
        this.bot.listeners = (*LISTENERS, tools_command.register)
        this.slack.add_command(tools_command.COMMAND, "Which tools there are")
        this.slack.add_command("/unknown")
        await this.bot.start()
        await this.ready()
        yield this


async def test_it_is_answered_to_the_person_alone(here: World) -> None:
    await here.until(lambda: "server filesystem is up" in here.bot.log, what="the tools", poll=0.01)
    await here.slack.command(here.alice, here.general, tools_command.COMMAND)
    [answer] = here.slack.ephemerals(here.alice)
    assert answer.plain.startswith("My tools: ")
    assert "filesystem__read_text_file" in answer.plain
    assert here.slack.ephemerals(here.bob) == []


async def test_a_command_that_nobody_listens_to_gets_its_ack(here: World) -> None:
    assert not await here.slack.command(here.alice, here.general, "/unknown")
    await here.quiet()
    assert all(sent.acked_at for sent in here.slack.envelopes)
    assert here.slack.ephemerals(here.alice) == []


async def test_the_bot_listens_to_everything_else_as_before(here: World) -> None:
    here.model.script(text("Hello."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "Hello.")
