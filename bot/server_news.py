"""Tells people and operators what happens to tool servers: one is back for which threads wait, or its tools are new or
have changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.core.ports.chat import ChatGateway
from bot.core.ports.server_news import ServerNewsStore
from bot.core.posts import Draft
from bot.core.server_news import PAUSE_SECONDS, SeenTools, back, news_of
from bot.core.tools import Tool
from bot.supervised import ProblemTracker
from bot.tools.server_config import ServerConfig

log = logging.getLogger(__name__)

SETTLE_SECONDS = 1.0
"""How long a server has to run before anybody is told: one that ends at once is not back."""
LOOK_SECONDS = 60.0
"""The interval at which all servers are looked at, for what could not be told before."""


class Servers(Protocol):
    """The tool servers that run."""

    def running(self) -> Sequence[tuple[ServerConfig, Sequence[Tool]]]:
        """Return the configuration and the tools of each server that can be used now."""
        ...


@dataclass(slots=True)
class ServerNews:
    """Looks at the servers whenever something about them may have changed."""

    store: ServerNewsStore
    gateway: ChatGateway
    servers: Servers
    team: str
    operators: Callable[[], Awaitable[Sequence[str]]]
    """Returns the ids of the operators who are told; raises nothing."""
    wake: Callable[[int], None]
    """Called with the id of a thread for which a message was recorded."""
    clock: Callable[[], float] = time.time
    problems: ProblemTracker = field(default_factory=ProblemTracker)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self) -> None:
        """Note that a server may run again, or that its tools may be different."""
        self._changed.set()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self._changed.clear()
            for config, _ in self.servers.running():
                await self._try(config.key)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(SETTLE_SECONDS)

    async def _try(self, key: str) -> None:
        """Look at a server. What fails is logged once, and tried again."""
        try:
            await self.look(key)
        except Exception as error:
            if self.problems.is_new(key, repr(error)):
                log.exception("could not record what is new about the tool server %s", key)
        else:
            self.problems.resolve(key)

    async def look(self, key: str) -> None:
        """Record the tools of a server and who is told about them, and tell the threads that wait for it."""
        found = next((each for each in self.servers.running() if each[0].key == key), None)
        if found is None:
            return
        await self._learn(*found)
        [notice] = self.gateway.notice(back(key), key=f"back-{key}")
        while threads := await self.store.server_back(key, notice):
            for thread_id in threads:
                self.wake(thread_id)

    async def _learn(self, config: ServerConfig, tools: Sequence[Tool]) -> None:
        origin = config.origin
        before = await self.store.seen_tools(config.key)
        now = SeenTools(config.key, origin, {tool.name: tool.digest for tool in tools})
        news = news_of(before, now)
        if news is None:
            if before is None or before.origin != origin:
                await self.store.see_tools(now, self.team)
            return
        told_at = before.told_at if before is not None else 0.0
        if 0 <= self.clock() - told_at < PAUSE_SECONDS:
            return  # they stay unknown until then
        log.warning("the tools of the server %s: %d new, %d changed", config.key, len(news.new), len(news.changed))
        direct: list[tuple[str, Draft]] = []
        for who in await self.operators():
            key = f"tools-{news.key(now.digests)}-{who}"
            direct += [(who, draft) for draft in self.gateway.notice(news.words(), key=key)]
        for thread_id in await self.store.see_tools(replace(now, told_at=self.clock()), self.team, direct):
            self.wake(thread_id)
