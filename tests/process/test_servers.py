"""The tool servers of a whole process: changed while it runs, and waiting for a person when it dies."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import ROOT, World, world

pytestmark = pytest.mark.anyio

SERVERS = ROOT / "tests" / "unit" / "tools" / "servers"


def configure(home: Path, *scripts: str) -> None:
    """Write mcp.json with these servers."""
    servers: dict[str, Any] = {
        script: {
            "command": sys.executable,
            "args": [str(SERVERS / f"{script}.py"), str(home / script)],
            "trusted": True,
        }
        for script in scripts
    }
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


def offered(here: World) -> set[str]:
    """The servers whose tools the model was offered last."""
    return {tool["function"]["name"].partition("__")[0] for tool in here.model.requests[-1].tools}


def hang_up(here: World) -> None:
    """Have the bot read its servers again."""
    assert here.bot.process is not None
    here.bot.process.send_signal(signal.SIGHUP)


async def test_a_hangup_of_the_process_changes_its_servers_and_a_kill_ends_what_one_of_them_asked(
    tmp_path: Path,
) -> None:
    configure(tmp_path, "odd")
    async with world(tmp_path) as here:
        here.model.script(text("Hello."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
        await here.reply(ts, "Hello.")
        assert "odd" in offered(here)
        assert "asks" not in offered(here)

        (tmp_path / "mcp.json").write_text("{")
        hang_up(here)
        await here.until(lambda: "Nothing was reloaded" in here.bot.log, what="a refusal", poll=0.01)
        configure(tmp_path, "asks")
        hang_up(here)
        await here.until(lambda: "added `asks`" in here.bot.log, what="another configuration", poll=0.01)
        await here.until(lambda: "server asks is up" in here.bot.log, what="the new server", poll=0.01)

        here.model.script(calls(call("asks__book")), text("No room was booked."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> book a room")
        question = await here.reply(ts, "Which day?")
        assert "asks" in offered(here)
        assert "odd" not in offered(here)

        await here.bot.kill()
        await here.bot.start()
        await here.reply(ts, "No room was booked.")
        await here.until(lambda: not question.buttons, what="a closed question")
        assert "I was restarted" in question.plain
        [result] = [message["content"] for message in here.model.requests[-1].messages if message["role"] == "tool"]
        assert "the app was restarted while the tool server waited" in result
        assert (tmp_path / "asks").read_text() == "book\n", "it is not made again"
        await here.quiet()
