"""A bot of which any part may raise at any call, before or after it has done it, once or from then on."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from bot.core.inbox import Incoming
from bot.core.policy.approvers import ApprovalRules
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.core.transaction import Change, Usage
from bot.slack.blocks.retry_notice import WORDS
from tests.property.outside import ALICE, BOT, TEAM, Button, Files, Room, ScriptedModel, World
from tests.property.running import PLACE, Bot, press

T = TypeVar("T")

SWEEPS = 8
"""More than a thread that fails every time may be tried."""
PARTS = ("store", "toolset", "gateway", "model")


class Broken(Exception):
    """Nothing of ours raises this, so nothing of ours expects it."""


@dataclass
class Faults:
    """Where it raises, and the names of all calls that were made."""

    wanted: Callable[[int, str, bool], bool] = lambda number, name, after: False
    """Of the so many-th call, its name, and whether it has done what it does: does it raise?"""
    made: list[str] = field(default_factory=list[str])

    def reached(self, name: str, *, after: bool) -> None:
        if not after:
            self.made.append(name)
        if self.wanted(len(self.made), name, after):
            raise Broken(name)

    def around(self, part: str, inner: T) -> T:
        """The same part, whose calls raise where it is wanted."""
        proxy: Any = _Proxy(self, part, inner)
        return proxy


class _Proxy:
    def __init__(self, faults: Faults, part: str, inner: Any) -> None:
        self._faults, self._part, self._inner = faults, part, inner

    def __getattr__(self, method: str) -> Any:
        found, faults = getattr(self._inner, method), self._faults
        if method == "guard":
            return lambda server: faults.around(self._part, found(server))

        def name(arguments: Sequence[Any]) -> str:
            change = next((each.name for each in arguments if isinstance(each, Change)), "")
            return f"{self._part}.{method}{f' ({change})' if change else ''}"

        async def awaited(*arguments: Any, **options: Any) -> Any:
            called = name(arguments)
            faults.reached(called, after=False)
            result = await found(*arguments, **options)
            try:
                faults.reached(called, after=True)
            except BaseException:
                # Whoever raises holds nothing: the caller has nothing to give back.
                if isinstance(result, Room):
                    result.release()
                raise
            return result

        return awaited if inspect.iscoroutinefunction(found) else found


@dataclass
class Reader(ScriptedModel):
    """Reads a file, writes one, answers: as the log says how far it is, however often it is asked."""

    usage: Usage = field(default_factory=Usage)
    asked: Counter[int] = field(default_factory=Counter[int])
    """Requests by the length of the log that they carried: a log that has not grown is asked about again."""

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        self.asked[len(request.messages)] += 1
        results = sum(json.loads(text)["role"] == "tool" for text in request.messages)
        self.wanted = [[("look", 0)]] if results == 0 else [[("write", 0)]] if results == 1 else []
        return replace(await super().complete(request, on_text), usage=self.usage)


class Failing(Bot):
    """Runs one turn; what raises is told the agent, and tried again, as `bot.scheduler.local` and the sweep do it."""

    def __init__(self, path: Path) -> None:
        self.world = World()
        self.reader = Reader(self.world)
        super().__init__(path, ApprovalRules(), self.world, Files(self.world), self.reader)
        self.faults = Faults()

    async def begin(self, faults: Faults) -> None:
        """Start, with parts that raise where it is wanted."""
        await self.start()
        self.faults = faults
        agent = self._agent
        store, toolset, gateway, model = (faults.around(part, getattr(agent, part)) for part in PARTS)
        authorizer = replace(agent.tool_steps.authorizer, store=store, toolset=toolset, gateway=gateway)
        requester = replace(agent.tool_steps.approval_requester, toolset=toolset, gateway=gateway)
        steps = replace(
            agent.tool_steps,
            store=store,
            toolset=toolset,
            gateway=gateway,
            authorizer=authorizer,
            approval_requester=requester,
        )
        self._agent = replace(agent, store=store, toolset=toolset, gateway=gateway, model=model, tool_steps=steps)

    async def asked(self) -> None:
        """Alice asks, and everything that follows from it happens."""
        await self.admit(Incoming(PLACE, "Ev1", ALICE, PLACE.thread_ts, f"<@{BOT}> do", (), addressed=True))
        await self.settled()

    async def settled(self) -> None:
        """All that can happen by itself does, and Alice says yes to what is asked."""
        for _ in range(SWEEPS):
            await self._all()
            if button := self.button("approved") or self.button("it_ran"):
                await self.hear(press(button, ALICE, TEAM))
            for thread_id in await self.store.waiting():
                self._wake(thread_id)
        await self._all()

    def button(self, name: str) -> Button | None:
        """The newest button of this name that is there."""
        return next((button for button in reversed(self.slack.live()) if button.name == name), None)

    async def retried(self) -> None:
        """Nothing goes wrong any more, and Alice presses Retry."""
        self.faults.wanted = lambda number, name, after: False
        button = self.button("turn.retry")
        assert button is not None
        await self.hear(press(button, ALICE, TEAM))
        await self.settled()

    async def _all(self) -> None:
        while self._busy:
            if not self._woken:
                await self._deliver(self._owing.pop())
                continue
            thread_id = self._woken.pop()
            try:
                await self._agent.advance(thread_id)
            except* (Broken, OverflowError):
                await self._tell(thread_id)

    async def _tell(self, thread_id: int) -> None:
        try:
            await self._agent.failed(thread_id)
        except Broken:
            return

    def said(self, words: str) -> int:
        """How many messages of the bot hold these words."""
        return sum(words in str(message.payload) for message in self.slack.messages.values())

    @property
    def parked(self) -> int:
        """How many messages say that the thread is parked."""
        return self.said(WORDS)

    @property
    def requests(self) -> int:
        """How often the model was asked about the same log, at most."""
        return max(self.reader.asked.values(), default=0)
