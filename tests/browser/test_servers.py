"""What tool servers and the model want of a person, and how a server fares, as it is met on the page."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from bot.tools.mcp import server
from slack_sandbox.openrouter import Answer, call, calls, text
from slack_sandbox.page.server import Page
from tests.browser.conftest import Visiting
from tests.browser.pages import BOT, Visitor
from tests.harness import ROOT, World, processes
from tests.inprocess.world import inside
from tests.remote import Remote, remote

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SERVERS = ROOT / "tests" / "unit" / "tools" / "servers"
OBEY = {"name": "obey", "description": "Do as the arguments say.", "annotations": {"readOnlyHint": True}}
WAY = {"question": "Which way?", "options": ["The long road", "The short cut"]}
KEY = "a-key-that-is-long-enough-for-the-tests"


@pytest.fixture
async def account() -> AsyncGenerator[Remote]:
    """A server behind a sign-in."""
    async with remote() as this:
        yield this


@pytest.fixture
async def here(tmp_path: Path, account: Remote, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    """A bot with servers that ask, take long and go away."""
    monkeypatch.setattr(server, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(server, "FIRST_PAUSE", 0.5)
    monkeypatch.setattr(server, "MAX_PAUSE", 0.5)

    def local(script: str, *arguments: Path) -> dict[str, Any]:
        where = [str(SERVERS / script), *map(str, arguments)]
        return {"command": sys.executable, "args": where, "trusted": True}

    servers = {
        "rows": local("telling.py", tmp_path),
        "rooms": local("asks.py", tmp_path / "asked"),
        "shifting": local("shifting.py", tmp_path / "tools.json", tmp_path / "journal"),
        "notes": account.entry(),
    }
    (tmp_path / "tools.json").write_text(json.dumps([OBEY]))
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    (tmp_path / "bot.toml").write_text("[limits]\nprogress_after_seconds = 0.01\nprogress_every_seconds = 0.02\n")
    async with inside(tmp_path, start=False, BOT_SECRET_KEY=KEY) as this:
        this.slack.workspace.bot.name = this.slack.workspace.bot.display_name = BOT
        await this.bot.start()
        yield this
        await this.quiet()
        this.model.prefix_breaks.clear()  # signing in adds the server's tools
        workspace = this.slack.workspace
        # What ran was perhaps shown, and deleted when a question came: it is shown again below that.
        workspace.recent[:] = [
            each for each in workspace.recent if each.ts in workspace.channels[each.channel].messages
        ]


@pytest.fixture
async def at(here: World, visiting: Visiting) -> AsyncGenerator[Visitor]:
    async with Page(here.slack) as page, visiting(page.address) as visitor:
        await visitor.to("#general")
        yield visitor


async def ask(at: Visitor, here: World, words: str, *answers: Answer) -> Locator:
    """Say something to which the model answers this. Out: the message."""
    here.model.script(*answers)
    return await at.ask(words)


async def test_questions_progress_and_a_server_that_goes_and_comes_back(
    at: Visitor, here: World, account: Remote
) -> None:
    home = here.bot.home

    await ask(at, here, "import the rows", calls(call("rows__count")), text("All rows are in."))
    working = await at.said("40 of 120")
    (home / "after-40").touch()
    await expect(working).to_contain_text("80 of 120")
    (home / "after-80").touch()
    await expect(working).to_contain_text("All rows are in.")
    await expect(working).not_to_contain_text("of 120")

    await ask(at, here, "find the way", calls(call("ask_person", WAY)), text("On my way."))
    question = await at.said("Which way?")
    await at.press("The short cut", question)
    await at.said("On my way.")
    await expect(at.button("The short cut", question)).to_have_count(0)

    await ask(at, here, "book a room", calls(call("rooms__book")), text("It is booked."))
    question = await at.said("rooms", "Which day?")
    await at.press("Answer…", question)
    await at.window.locator("input[type=date]").fill("2026-12-24")
    await at.window.get_by_role("button").last.click()
    await at.said("It is booked.")
    await expect(at.button("Answer…", question)).to_have_count(0)
    assert "2026-12-24" in str(here.model.requests[-1].messages[-1])

    (home / "tools.json").unlink()
    for number in processes(f"shifting.py {home}"):
        os.kill(number, signal.SIGKILL)
    await ask(at, here, "do it", calls(call("shifting__obey")), text("It does not work."))
    await at.said("It does not work.")
    await at.said("The tools of shifting are unavailable right now.")
    (home / "tools.json").write_text(json.dumps([OBEY]))
    await at.said("The tools of shifting are back.")

    root = await ask(at, here, "who am I?", calls(call("notes__connect")), text("You are signed in."))
    await at.said("notes")
    await at.link(BOT).click()
    asked = at.messages.get_by_role("article").filter(has_text="notes").last
    address = await asked.get_by_role("link", name=re.compile("^Connect")).get_attribute("href")
    assert address
    await at.press("Paste the address…", asked)
    await at.window.get_by_role("textbox").fill(account.consent(address, "alice"))
    await at.window.get_by_role("button").last.click()
    await expect(at.button("Paste the address…", asked)).to_have_count(0)
    await at.to("#general")
    await at.open_thread(root)
    await at.said("You are signed in.")
