"""A sign-in with a process that is killed at each boundary that it passes, one after the other: the call that waited
runs once, with the account of its person. In process, over the bot's own parts.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from bot import failpoints
from slack_sandbox.errors import ImpossibleAction
from tests.crash.dying import Fate, Play, near
from tests.crash.points import SIGNING_IN, SIGNING_OUT
from tests.harness import World
from tests.inprocess.test_sign_in import KEY, asked, is_open, link, respond
from tests.inprocess.world import inside
from tests.property.test_settling import unless_dead
from tests.remote import Remote, remote

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


class SigningIn(Play):
    """A person who signs in whenever the bot asks."""

    def __init__(self, here: World, server: Remote, fate: Fate) -> None:
        super().__init__(here, fate)
        self.server = server
        self.pasted = set[str]()

    def forget(self) -> None:
        self.pasted.clear()

    async def act(self) -> None:
        alice = self.here.alice
        for message in filter(is_open, asked(self.here, alice)):
            where = link(message)
            if where in self.pasted:
                continue
            with suppress(ImpossibleAction, IndexError, TimeoutError):
                async with asyncio.timeout(3):
                    await self.here.slack.click(message, "Paste the address…", by=alice)
                    while not self.here.slack.modals(alice):
                        await asyncio.sleep(0.002)
                    view = self.here.slack.modals(alice)[-1]
                    address = self.server.consent(where, "alice")
                    await self.here.slack.submit(alice, view, {"field.address": {"value": address}})
                    self.pasted.add(where)


async def test_a_sign_in_comes_to_its_end_wherever_the_process_is_killed(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_exception_handler(unless_dead)
    async with remote() as server, inside(tmp_path, start=False, BOT_SECRET_KEY=KEY) as here:
        (here.bot.home / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": server.entry()}}))
        (here.bot.home / "bot.toml").write_text("[limits]\nprogress_after_seconds = 60\ndrain_seconds = 0.1\n")
        here.model.respond = respond
        here.errors_expected = True
        fate = Fate(SIGNING_IN)
        play = SigningIn(here, server, fate)
        play.bot.store_of = near
        await here.bot.start()
        failpoints.install(fate.reached)
        try:
            ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
            await play.perform(lambda: any("It said: Connected" in each.plain for each in here.replies(ts)))
            assert here.bot.rows("SELECT DISTINCT kind, decision FROM questions") == [("sign_in", "signed_in")]
            while fate.left:  # tokens that a death has lost are replaced by signing in once more
                server.expire()
                again = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
                await play.perform(lambda ts=again: any("It said: alice" in each.plain for each in here.replies(ts)))
            assert here.bot.rows("SELECT count(*) FROM identities WHERE NOT ended") == [(1,)]

            fate.left = [*SIGNING_OUT]
            while fate.left:
                if not here.bot.rows("SELECT 1 FROM identities WHERE ended"):
                    await here.slack.open_home(here.alice)
                    await play.perform(
                        lambda: "Disconnect" in str(getattr(here.slack.home(here.alice), "blocks", "")), acts=False
                    )
                    home = here.slack.home(here.alice)
                    assert home is not None
                    await here.slack.click(home, "Disconnect", by=here.alice)
                await play.perform(fate.died.is_set, acts=False)
            await play.perform(lambda: not here.bot.rows("SELECT 1 FROM identities"), acts=False)
            assert server.asked.count("revoke") >= 2, "of tokens that a death has lost nobody knows"
        finally:
            failpoints.install(lambda _: None)
        assert {account for account, *_ in server.calls} == {"alice"}
        assert here.bot.rows("SELECT count(*) FROM calls WHERE state <> 'finished'") == [(0,)]
        here.model.prefix_breaks.clear()
        # What is shown of a call that has to wait after all goes away, and comes back with the call.
        here.slack.workspace.recent.clear()
