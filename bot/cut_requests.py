"""Finds out what requests to the model have cost that were cut off: by a crash, by a stop, by a broken connection."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bot.core.budget import CutRequest
from bot.core.ports.costs import Costs
from bot.errors import ModelUnavailable, StoreError
from bot.model.generations import Generation

log = logging.getLogger(__name__)

PAUSES = (2.0, 5.0, 20.0, 60.0, 300.0, 1800.0)
"""Seconds after which the endpoint is asked again that does not know a request; then what was estimated stays."""
AT_ONCE = 50
IDLE_SECONDS = 2.0
"""Seconds between two looks at what is to be asked, while there is anything."""
UNASKED_SECONDS = 60.0
"""The same while nothing is known to be cut off."""
READY_SECONDS = 6.0
"""How long a turn waits at most for the costs of what the last process has left."""


@dataclass(slots=True)
class CutRequests:
    """Asks the endpoint in the background, a few at a time, and each a few times."""

    store: Costs
    look_up: Callable[[str], Awaitable[Generation | None]]
    idle_seconds: float = IDLE_SECONDS
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_over(self) -> None:
        """Count what the last process has left as cut off. Before any turn goes on."""
        if not await self.store.cut_off():
            self._ready.set()

    async def ready(self) -> None:
        """Wait until the endpoint was asked about what the last process has left, for READY_SECONDS at most."""
        if not self._ready.is_set():
            try:
                async with asyncio.timeout(READY_SECONDS):
                    await self._ready.wait()
            except TimeoutError:
                self._ready.set()

    def notice(self) -> None:
        """Take note that a request was cut off, which is recorded within a moment."""
        self._news.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self._news.clear()
            left = True
            try:
                await self.once()
                left = bool(await self.store.cut_requests(math.inf, 1))
            except StoreError as error:
                log.warning("what requests have cost that were cut off could not be recorded: %s", error.detail)
            self._ready.set()
            if not left:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), UNASKED_SECONDS)
            await asyncio.sleep(self.idle_seconds)

    async def once(self) -> None:
        """Ask about everything that is due."""
        due = await self.store.cut_requests(time.time(), AT_ONCE)
        await asyncio.gather(*map(self._ask, due))

    async def _ask(self, request: CutRequest) -> None:
        try:
            found = await self.look_up(request.generation) if request.generation else None
        except ModelUnavailable as error:
            found = None
            log.info("the endpoint did not say what %s has cost: %s", request.generation, error.detail)
        if found is not None:
            await self.store.settle_request(request.id, found.model, found.usage, 0.0)
            return
        again = time.time() + PAUSES[request.tries] if request.generation and request.tries < len(PAUSES) else 0.0
        await self.store.settle_request(request.id, "", None, again)
