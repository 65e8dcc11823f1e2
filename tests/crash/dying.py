"""A process that dies at given points, in this process: the parts that plays over the bot inside share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from bot.core.ports.store import Store
from bot.store.sqlite.store import SqliteStore
from tests.harness import World
from tests.inprocess.world import BotInside
from tests.property.near_database import NearDatabase
from tests.property.outside import Dead


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
    """Somebody who does what there is to do, and an operator who starts the bot again whenever it has died."""

    def __init__(self, here: World, fate: Fate) -> None:
        self.here, self.fate = here, fate
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
                    await self.act()
                await asyncio.sleep(0.002)

    async def _again(self) -> None:
        with suppress(Dead):
            await self.bot.stop()
        self.fate.revive()
        self.forget()
        for view in self.here.slack.modals(self.here.alice):
            await self.here.slack.close_modal(self.here.alice, view)
        await self.bot.start()

    def forget(self) -> None:
        """Called at each death: what was done may not have been heard."""

    async def act(self) -> None:
        """Do the next thing that there is to do, if there is any. May be interrupted by the death."""
