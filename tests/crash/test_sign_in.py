"""A sign-in with a process that is killed at each boundary that it passes, one after the other: the call that waited
runs once, with the account of its person. In process, over the bot's own parts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot import failpoints
from bot.core.ports.store import Store
from bot.store.sqlite.store import SqliteStore
from slack_sandbox.errors import ImpossibleAction
from tests.crash.test_crashes import SIGNING_IN, SIGNING_OUT
from tests.harness import World
from tests.inprocess.test_sign_in import KEY, asked, is_open, link, respond
from tests.inprocess.world import BotInside, inside
from tests.property.near_database import NearDatabase
from tests.property.outside import Dead
from tests.property.test_settling import unless_dead
from tests.remote import Remote, remote

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@asynccontextmanager
async def near(url: str, redact: Sequence[str]) -> AsyncGenerator[Store]:
    """The store without a thread, so that what dies in a transaction dies in this one."""
    async with NearDatabase(url) as database:
        yield SqliteStore(database, redact)


class Fate:
    """Kills the process at each of these points, the first time that it is reached."""

    def __init__(self, points: Sequence[str]) -> None:
        self.left = [*points]
        self.died = asyncio.Event()

    def reached(self, name: str) -> None:
        if self.died.is_set():
            raise Dead(name)
        if name in self.left:
            self.left.remove(name)
            self.died.set()
            raise Dead(name)

    def revive(self) -> None:
        self.died = asyncio.Event()


class Play:
    """A person who signs in whenever the bot asks, and an operator who starts it again whenever it has died."""

    def __init__(self, here: World, server: Remote, fate: Fate) -> None:
        self.here, self.server, self.fate = here, server, fate
        self.pasted = set[str]()
        bot = here.bot
        assert isinstance(bot, BotInside)
        self.bot = bot

    async def perform(self, until: Callable[[], bool], acts: bool = True) -> None:
        """Go on until something is so, with a living process."""
        async with asyncio.timeout(60):
            while not until() or self.fate.died.is_set():
                if self.fate.died.is_set():
                    await self._again()
                elif acts:
                    await self._act()
                await asyncio.sleep(0.002)

    async def _again(self) -> None:
        with suppress(Dead):
            await self.bot.stop()
        self.fate.revive()
        self.pasted.clear()
        for view in self.here.slack.modals(self.here.alice):
            await self.here.slack.close_modal(self.here.alice, view)
        await self.bot.start()

    async def _act(self) -> None:
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
        play = Play(here, server, fate)
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
