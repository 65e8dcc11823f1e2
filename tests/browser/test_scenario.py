"""A scenario is replayed before one's eyes, and the page can be used afterwards."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visiting
from tests.browser.trial import Trial, trial

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def running(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Trial]:
    async with trial(tmp_path_factory.mktemp("try"), "--scenario", "tour", "--pace", "0") as this:
        yield this


async def test_its_steps_are_shown_and_what_it_did_stays(running: Trial, visiting: Visiting) -> None:
    async with visiting(running.address) as at:
        shown = await at.inspect("Scenario")
        steps = shown.get_by_role("listitem")
        await steps.last.filter(has_text="Done").wait_for()
        for step in await steps.all():
            await expect(step).to_contain_text("Done")
        await at.close_inspector()
        await at.to("#general")
        running.file("afterwards.md", "What only afterwards.md says.\n")
        await at.ask("read afterwards.md")
        await at.said("What only afterwards.md says.")
