"""A call that waits for its turn has not run, and is known not to have: nobody is asked when the process dies there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from bot.core.inbox import Incoming
from bot.core.json_text import JsonObject
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.rules import Policy, Rule, Ruling
from bot.core.tools import Tool
from tests.property.outside import ALICE, BOT, TEAM, Files, ScriptedModel, World
from tests.property.running import PLACE, Bot, press

ALLOWING = Policy((Rule(Ruling.ALLOW, tools=("write",)),))
SAID = Incoming(PLACE, "Ev1", ALICE, "1700000000.000001", f"<@{BOT}> write", (), addressed=True)


class Stage:
    """A bot of which calls of `write` are wanted, while somebody else is at the files."""

    def __init__(self, path: Path, policy: Policy) -> None:
        world = World()
        self.model, self.files, self.path = ScriptedModel(world, wanted=[[("write", 0)]]), Files(world), path
        self.bot = Bot(path, ApprovalRules(), world, self.files, self.model)
        self.bot.policy = policy
        self.handed: list[str] = []
        self.files.handed = self._note

    def _note(self, tool: Tool, arguments: JsonObject) -> None:
        self.handed.append(tool.remote_name)

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    async def press(self, name: str, row: int = 0) -> None:
        button = [button for button in self.bot.slack.live() if button.name == name][row]
        await self.bot.hear(press(button, ALICE, TEAM))

    async def approve(self) -> None:
        """Approve the only call, or all calls of the list."""
        [name] = {"approved", "all.approved"} & {button.name for button in self.bot.slack.live()}
        await self.press(name)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    async def queued(self) -> asyncio.Task[None]:
        """Have the call be made; out: the bot that lives on, once the call waits for its turn."""
        living = asyncio.create_task(self.bot.live(lambda: self.bot.admit(SAID)))
        if self.bot.policy is not ALLOWING:
            await living
            living = asyncio.create_task(self.bot.live(self.approve))
        await self.until(lambda: getattr(self.files.writing, "_waiters", None))
        return living


@asynccontextmanager
async def stage(path: Path, policy: Policy) -> AsyncGenerator[Stage]:
    here = Stage(path / "bot.db", policy)
    await here.files.writing.acquire()
    await here.bot.start()
    try:
        yield here
    finally:
        await here.bot.stop()


async def _nothing() -> None:
    return


# Not run by anyio's plugin: the end of a process here cancels every task of the loop.


@pytest.mark.parametrize("policy", [Policy(), ALLOWING], ids=["approved", "allowed"])
def test_a_call_that_is_cut_off_while_it_waits_runs_afterwards_without_a_question(
    tmp_path: Path, policy: Policy
) -> None:
    async def play() -> None:
        async with stage(tmp_path, policy) as here:
            await here.queued()
            assert here.rows("SELECT state, attempts FROM calls") == [("ready", 0)]
            await here.bot.stop()
            here.files.writing = asyncio.Lock()
            await here.bot.start()
            await here.bot.live(_nothing)
            assert here.handed == ["write"]
            assert here.rows("SELECT state, outcome, attempts FROM calls") == [("finished", "ok", 1)]
            assert here.rows("SELECT count(*) FROM questions WHERE kind = 'did_it_run'") == [(0,)]

    asyncio.run(play())


def test_a_call_that_is_stopped_while_it_waits_does_not_run(tmp_path: Path) -> None:
    async def play() -> None:
        async with stage(tmp_path, Policy()) as here:
            here.model.wanted = [[("write", 0), ("write", 1)]]
            living = await here.queued()
            await here.bot.stop_turn(1, ALICE)
            here.files.writing.release()
            await living
            assert here.handed == []
            assert here.rows("SELECT DISTINCT state, outcome FROM calls") == [("finished", "stopped")]

    asyncio.run(play())


def test_what_need_not_wait_is_started_with_the_commit_that_takes_it_down(tmp_path: Path) -> None:
    async def play() -> None:
        async with stage(tmp_path, ALLOWING) as here:
            here.files.writing.release()
            states: list[Any] = []

            def note(tool: Tool, arguments: JsonObject) -> None:
                here.handed.append(tool.remote_name)
                states.extend(here.rows("SELECT state, attempts FROM calls"))
                states.extend(here.rows("SELECT count(*) FROM audit WHERE kind = 'started'"))

            here.files.handed = note
            await here.bot.live(lambda: here.bot.admit(SAID))
            assert here.handed == ["write"]
            assert states == [("started", 1), (1,)]
            assert not here.files.writing.locked()

    asyncio.run(play())
