"""What an operator has to fix: reported once, said to the people whom it keeps from going on, and over once fixed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.slack import directory
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


async def test_a_click_of_somebody_who_may_not_be_looked_up_says_who_has_to_act(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.errors_expected = True
    here.expected_refusals.append("users.info")
    target = here.workspace / "a.txt"
    here.model.script(
        calls(call("filesystem__write_file", {"path": str(target), "content": "hello"})), text("Written.")
    )
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    card = await here.reply(ts, "Waiting for you")
    monkeypatch.setattr(directory, "FRESH_SECONDS", 0.0)
    here.slack.faults.add("users.info", "error", times=None, code="missing_scope")
    for count in (1, 2, 3):
        await here.slack.click(card, "Approve", by=here.alice)
        await here.until(lambda count=count: len(here.slack.ephemerals(here.alice)) == count, what="a word")
    assert all("Whoever runs me has to fix this" in each.plain for each in here.slack.ephemerals(here.alice))
    assert not target.exists()
    assert here.bot.log.count("Slack refuses users.info (missing_scope") == 1
    assert "Slack did not answer about" not in here.bot.log
    here.slack.faults.clear()
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "Written.")
    await here.quiet()
    assert "Slack accepts users.info again" in here.bot.log


async def test_what_cannot_be_posted_without_a_scope_is_posted_once_it_is_granted(here: World) -> None:
    here.errors_expected = True
    here.expected_refusals.append("chat.postMessage")
    here.model.script(text("An answer."))
    here.slack.faults.add("chat.postMessage", "error", times=4, code="missing_scope")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "An answer.")
    await here.quiet()
    assert here.bot.log.count("Slack refuses chat.postMessage (missing_scope") == 1
    assert "Slack did not take it" not in here.bot.log
    assert "Slack accepts chat.postMessage again" in here.bot.log
