"""What goes over the wires can be read in the inspector, refusals in Slack's own words."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Locator, expect
from slack_sdk.errors import SlackApiError

from slack_sandbox.model import Json
from tests.browser.conftest import Visiting
from tests.browser.pages import Visitor
from tests.browser.stage import Stage, staged

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncGenerator[Stage]:
    async with staged() as this:
        yield this


@pytest.fixture
async def at(visiting: Visiting, stage: Stage) -> AsyncGenerator[Visitor]:
    async with visiting(stage.page.address) as visitor:
        await visitor.to("#general")
        yield visitor


def calls(at: Visitor, words: str) -> Locator:
    """The lines of the traffic that are calls of the app's with these words."""
    name = re.compile(rf"Call chat\.postMessage.*{re.escape(words)}")
    return at.inspector.get_by_role("listitem").get_by_role("button", name=name)


async def refused(stage: Stage, blocks: list[Json]) -> None:
    """Have the app post what Slack does not take."""
    with pytest.raises(SlackApiError):
        await stage.post("refused", blocks)


async def test_a_call_can_be_read_in_full_but_no_token(at: Visitor, stage: Stage) -> None:
    await stage.post("a call to be looked at")
    await at.inspect("Traffic")
    line = calls(at, "a call to be looked at").last
    await expect(line).to_have_accessible_name(re.compile(r" ok "))
    await line.click()
    request = at.inspector.get_by_role("region", name="Request")
    await expect(request).to_contain_text(stage.general.id)
    await expect(request).to_contain_text("a call to be looked at")
    await expect(at.inspector.get_by_role("region", name="Response")).to_contain_text('"a call to be looked at"')
    assert stage.slack.bot_token not in await at.inspector.inner_text()


async def test_a_line_leads_to_its_message(at: Visitor, stage: Stage) -> None:
    root = await stage.post("the root of it")
    await stage.post("a reply to be shown", thread=root)
    await at.inspect("Traffic")
    await calls(at, "a reply to be shown").last.click()
    await at.button("Show in conversation", at.inspector).click()
    await expect(at.thread).to_contain_text("a reply to be shown")


async def test_what_slack_refuses_is_told_in_its_words_and_counted(at: Visitor, stage: Stage) -> None:
    option: Json = {"type": "button", "text": {"type": "plain_text", "text": "x"}}
    await refused(stage, [{"type": "actions", "elements": [{**option, "action_id": f"a{n}"} for n in range(26)]}])
    await at.inspect("Traffic")
    line = calls(at, "invalid_blocks").last
    await line.click()
    reason = "no more than 25 items allowed [json-pointer:/blocks/0/elements]"
    await at.inspector.get_by_text(reason).first.wait_for()
    await expect(at.button("Inspector")).to_contain_text(str(len(stage.slack.rejected)))
    await stage.post("another that is fine")
    await expect(calls(at, "another that is fine")).to_have_count(1)
    await at.inspector.get_by_label("Refused only").check()
    await expect(calls(at, "another that is fine")).to_have_count(0)
    await line.wait_for()


async def test_the_traffic_can_be_searched_and_cleared(at: Visitor, stage: Stage) -> None:
    await stage.post("a needle")
    await stage.post("some hay")
    await at.inspect("Traffic")
    await expect(calls(at, "some hay")).to_have_count(1)
    await at.inspector.get_by_label("Filter by text").fill("NEEDLE")
    await expect(calls(at, "some hay")).to_have_count(0)
    await expect(calls(at, "a needle")).to_have_count(1)
    await at.inspector.get_by_label("Filter by text").fill("")
    await at.button("Clear the traffic", at.inspector).click()
    await expect(calls(at, "")).to_have_count(0)


async def test_a_page_without_a_program_says_so(at: Visitor) -> None:
    bot = await at.inspect("Bot")
    await expect(bot).to_contain_text("without a bot of its own")
    scenario = await at.inspect("Scenario")
    await expect(scenario).to_contain_text("No conversation is being replayed")
