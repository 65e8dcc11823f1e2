"""A message that is streamed, with a process that is killed at each boundary that it passes: it is there once, as it is
wanted, and no card is left spinning. In process, over Slack's own client and the sandbox."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from unittest import mock

from bot import failpoints
from bot.slack.delivery import outbox, sender, stream_budget, streams
from bot.slack.delivery.stream_budget import StreamBudget, Tiers
from tests.crash.points import STREAMED, names
from tests.extending.growing import KINDS, content, growing, step, text
from tests.property.near_database import NearDatabase
from tests.property.outside import Dead
from tests.property.test_settling import FOLDER, unless_dead
from tests.unit.slack.delivering import Process, Slack, process

TIERS = Tiers(10_000, 1_000_000, 1_000_000, 1_000_000)
RUNNING = [step("1", "Read a.md", "in_progress")]
GROWN = [step("1", "Read a.md"), text("It says that ")]
WHOLE = [step("1", "Read a.md"), text("It says that all is well.")]


class Play:
    """One message from its beginning to its end, in as many processes as it takes."""

    def __init__(self, folder: str, slack: Slack, dies: int | None) -> None:
        self._folder, self._slack, self._fuse = Path(folder), slack, dies
        self.passed: list[str] = []
        self._dead = False
        self._death = asyncio.Event()

    async def perform(self) -> None:
        """Play it, and look at what Slack shows."""
        try:
            async with AsyncExitStack() as lives:
                here = await self._live(lives)
                for act in (self._begins, self._grows, self._is_deleted, self._goes_on, self._ends):
                    while not await self._unless_dead(act, here):
                        here = await self._live(lives)
        finally:
            failpoints.install(lambda _: None)
        [message] = self._slack.messages()
        assert content(message) == ["Read a.md (complete)", "It says that all is well."]
        assert not message.streaming

    async def _begins(self, here: Process) -> None:
        await here.owe(growing(*RUNNING))
        await self._shows(here, "Read a.md (in_progress)")

    async def _grows(self, here: Process) -> None:
        await here.owe(growing(*GROWN))
        await self._shows(here, "Read a.md (complete)", "It says that ")

    async def _is_deleted(self, here: Process) -> None:
        for message in self._slack.messages():
            await here.clients.best_effort.chat_delete(channel=self._slack.channel.id, ts=message.ts)

    async def _goes_on(self, here: Process) -> None:
        await here.owe(growing(*GROWN, step("2", "Wrote b.md", "in_progress")))
        await self._shows(here, "Read a.md (complete)", "It says that ", "Wrote b.md (in_progress)")
        await here.owe(growing(*WHOLE))
        await self._shows(here, "Read a.md (complete)", "It says that all is well.")

    async def _ends(self, here: Process) -> None:
        await here.owe(growing(*WHOLE, final=True))
        await here.settled()

    async def _shows(self, here: Process, *wanted: str) -> None:
        async with asyncio.timeout(10):
            while [content(message) for message in self._slack.messages()] != [list(wanted)]:
                await asyncio.sleep(0.001)
        await here.in_step()

    async def _live(self, lives: AsyncExitStack) -> Process:
        await lives.aclose()
        self._dead, self._death = False, asyncio.Event()
        opening = process(self._folder, self._slack, KINDS, 0.002, StreamBudget(TIERS), NearDatabase)
        failpoints.install(lambda _: None)  # that the thread is there is not what is played
        here = await lives.enter_async_context(opening)
        failpoints.install(self._reached)
        return here

    async def _unless_dead(self, act: Callable[[Process], Awaitable[None]], here: Process) -> bool:
        """Return whether the process has lived through it."""

        async def do() -> None:
            await act(here)

        doing, death = asyncio.create_task(do()), asyncio.create_task(self._death.wait())
        await asyncio.wait([doing, death], return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if self._death.is_set():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return False
        await doing
        return True

    def _reached(self, name: str) -> None:
        self.passed.append(name)
        if self._fuse is not None and not self._dead:
            self._fuse -= 1
            if self._fuse < 0:
                self._fuse, self._dead = None, True
                self._death.set()
        if self._dead:
            raise Dead(name)


def performed(dies: int | None) -> list[str]:
    """Play in an event loop of its own. Out: the boundaries that were passed."""

    async def perform() -> list[str]:
        asyncio.get_running_loop().set_exception_handler(unless_dead)
        async with Slack.open() as slack:
            play = Play(folder, slack, dies)
            await play.perform()
            return play.passed

    with (
        mock.patch.object(outbox, "MAX_PAUSE", 0.001),
        mock.patch.object(sender, "SETTLE_SECONDS", 0.0),
        mock.patch.object(stream_budget, "APPEND_SECONDS", 0.002),
        mock.patch.object(streams, "MIN_WAIT", 0.001),
        tempfile.TemporaryDirectory(dir=FOLDER) as folder,
    ):
        return asyncio.run(perform())


def test_a_streamed_message_is_there_once_and_whole_wherever_the_process_is_killed() -> None:
    passed = performed(None)
    assert names(STREAMED) <= set(passed)
    for dies in range(len(passed)):
        performed(dies)
