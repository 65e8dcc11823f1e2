"""What a tool server asks a person for: shown, answered once by the requester alone, and sent to the server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest

from bot.tools.mcp.transports.registry import standard
from bot.tools.toolset import make_toolset
from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.attacks.conftest import window
from tests.harness import World
from tests.inprocess.asking_server import Asking, AskingServer, AskingTransport
from tests.inprocess.files import near_transports
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
def asking() -> Asking:
    return Asking()


@pytest.fixture
async def here(tmp_path: Path, asking: Asking) -> AsyncGenerator[World]:
    """A bot with a server of each era."""
    modern = AskingServer("notes", asking=asking, safe_to_repeat=("*",))
    legacy = AskingServer("old", asking=asking, legacy=True)
    (tmp_path / "bot.toml").write_text('[[policy.rules]]\naction = "allow"\nserver = ["notes", "old"]\n')
    async with inside(tmp_path, start=False) as this:
        bot = cast(BotInside, this.bot)
        bot.toolset_of = lambda servers: make_toolset(
            [modern, legacy], transports={**standard(), **near_transports("-"), AskingServer: AskingTransport}
        )
        await bot.start()
        yield this


async def ask(
    here: World, name: str, arguments: dict[str, object] | None = None, said: str = "needs something"
) -> tuple[str, Message]:
    """A turn whose call asks for something. Out: its thread, and the question."""
    here.model.script(calls(call(name, arguments or {})), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    message = await here.reply(ts, said)
    await here.quiet()
    return ts, message


async def test_the_answer_reaches_the_server_with_the_call_made_again(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "notes__book", {"day": "Friday"})
    assert "A table for Friday <!channel>" in message.plain
    assert message.buttons == ["Answer…", "Decline", "Cancel"]
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "3"}})
    await here.reply(ts, "All done.")
    assert asking.answers == [({"action": "accept", "content": {"guests": 3, "vip": False}}, "state-1")]
    assert asking.calls == ["book", "book"]
