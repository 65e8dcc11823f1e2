"""Watches over one open session: lists the server's tools again when they may have changed, and ends a connection over
which nothing is answered any more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.tools import text

if TYPE_CHECKING:
    from bot.tools.mcp.definitions import Definition
    from bot.tools.mcp.session import Session

log = logging.getLogger(__name__)

RELIST_PAUSE = 0.2
"""Seconds before the tools are listed again, so that a burst of change notifications causes one request."""
MAX_RELIST_PAUSE = 60.0
"""The most seconds between two lists of a server that keeps saying that its tools have changed: the pause doubles."""
MAX_UNANSWERED, PROBE_SECONDS = 3, 5.0
"""After so many calls in a row without an answer the server has these seconds to list its tools, or it is restarted."""


class Upkeep:
    """What keeps one session in order until it ends."""

    def __init__(self, key: str, adopt: Callable[[Sequence[Definition]], Awaitable[bool]]) -> None:
        """In: the server's key, and what takes its definitions over and returns whether they are others than before."""
        self._key, self._adopt = key, adopt
        self.attention = asyncio.Event()
        """Set when there is something to look at: the session has ended, tools have changed, or calls go unanswered."""
        self._changed = False
        self._pause, self._next = RELIST_PAUSE, 0.0

    def note_change(self) -> None:
        """The tools may have changed."""
        self._changed = True
        self.attention.set()

    async def stay(self, session: Session) -> None:
        """Return once the session has ended. Raises TimeoutError if the server answers nothing."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - loads the SDK, which the server's owner has done

        while not session.ended:
            owed = max(self._next - time.monotonic(), 0.0)
            try:
                async with asyncio.timeout(owed if self._changed else session.refresh_seconds):
                    await self.attention.wait()
            except TimeoutError:
                self._changed = True
            self.attention.clear()
            if session.unanswered >= MAX_UNANSWERED and not session.ended:
                await self._probe(session)
            if self._changed and not session.ended and time.monotonic() >= self._next:
                await asyncio.sleep(RELIST_PAUSE)
                self._changed = False
                try:
                    definitions = await session.definitions()
                except (ValueError, TimeoutError, sdk.MCPError) as problem:
                    log.warning("%s: could not list the changed tools: %s", self._key, text.line(str(problem)))
                else:
                    if await self._adopt(definitions):
                        log.info("the tool server %s has changed its tools", self._key)
                self._put_off()

    def _put_off(self) -> None:
        """Determine when the tools may be listed next."""
        now = time.monotonic()
        often = now - self._next < 2 * self._pause
        self._pause = min(2 * self._pause, MAX_RELIST_PAUSE) if often else RELIST_PAUSE
        self._next = now + self._pause

    async def _probe(self, session: Session) -> None:
        """Find out whether the server still answers, whatever it answers. Raises TimeoutError if it does not: a slow
        tool is no reason to end the calls of others."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - as in `stay`

        with suppress(ValueError, sdk.MCPError):
            async with asyncio.timeout(PROBE_SECONDS):
                await session.definitions()
        session.unanswered = 0
