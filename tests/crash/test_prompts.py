"""Somebody uses a prompt of a server, with a process that is killed at each boundary: it is one request of theirs. In
process, over the bot's own parts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from bot import failpoints
from slack_sandbox.model import Json
from slack_sandbox.openrouter import text
from tests.crash.dying import Fate, Play, near
from tests.crash.points import PROMPTED
from tests.harness import World
from tests.inprocess.asking_server import AskingServer
from tests.inprocess.test_prompts import MANIFEST, Prompting, chosen, offer, opened
from tests.inprocess.world import inside
from tests.property.test_settling import unless_dead

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


class Insisting(Play):
    """A person who sends the window again for as long as Slack says that it was not taken."""

    def __init__(self, here: World, fate: Fate, sent: Json) -> None:
        super().__init__(here, fate)
        self.sent = sent
        self.begun = False

    def forget(self) -> None:
        self.begun = False

    async def act(self) -> None:
        if not self.begun:
            self.begun = True
            self.here.slack.events.deliver(self.sent)


@pytest.mark.parametrize("points", [PROMPTED[:2], PROMPTED[2:3], PROMPTED[3:]])
async def test_a_prompt_is_one_request_wherever_the_process_is_killed(tmp_path: Path, points: list[str]) -> None:
    asyncio.get_running_loop().set_exception_handler(unless_dead)
    (tmp_path / "bot.toml").write_text("[limits]\nprogress_after_seconds = 60\ndrain_seconds = 0.1\n")
    prompting = Prompting()
    async with inside(tmp_path, start=False) as here:
        here.slack.install(yaml.safe_load(MANIFEST.read_text()))
        offer(here, [AskingServer("modern", asking=prompting)])
        here.model.respond = lambda request: text("All done.")
        here.errors_expected = True
        fate = Fate(points)
        play = Insisting(here, fate, {})
        play.bot.store_of = near
        await here.bot.start()
        view = await chosen(here, await opened(here), "greet")
        payload = here.slack._payload("view_submission", here.alice)  # pyright: ignore[reportPrivateUsage]
        play.sent = {**payload, "trigger_id": "t", "view": {**view.data, "state": {"values": {}}}, "response_urls": []}
        failpoints.install(fate.reached)
        dm = here.slack.open_dm(here.alice)
        try:
            await play.perform(lambda: any("All done." in each.plain for each in dm.messages.values()))
        finally:
            failpoints.install(lambda _: None)
        assert fate.left == [], "it died at each of them"
        assert here.bot.rows("SELECT count(*) FROM turns") == [(1,)]
        assert len([each for each in dm.messages.values() if "All done." in each.plain]) == 1
        assert len([each for each in dm.messages.values() if "uses a prompt" in each.plain]) == 1
