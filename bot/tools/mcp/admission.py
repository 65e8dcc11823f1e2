"""The right to make a call now: nobody else is at what it changes, and its server has room for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from bot.core.ports.change_guard import Claim, Footprint
from bot.core.tools import BusyError, StepPosition
from bot.tools.claims import Claims
from bot.tools.mcp.server import Server
from bot.tools.order import Steps, Ticket


class Held:
    """What is held for one call, until it is given back."""

    def __init__(self, *releases: Callable[[], None]) -> None:
        self._releases = releases

    def release(self) -> None:
        """Give it back; doing it again does nothing."""
        releases, self._releases = self._releases, ()
        for release in reversed(releases):
            release()


class Holding:
    """Gives the right to make calls. What they are about first and then the room, so that who has room waits for
    nobody."""

    def __init__(self) -> None:
        self._claims = Claims()
        self._steps = Steps()

    async def seize(self, server: Server, about: Footprint | None, at: StepPosition | None = None) -> Held | None:
        """Without waiting for other calls; None when that cannot be."""
        if about is None:
            return Held(server.room.leave) if await server.room.enter_at_once() else None
        ticket = self._steps.take(at, changes=about.changes)
        releases: list[Callable[[], None]] = [lambda: self._steps.end(at, ticket)]
        try:
            wanted = await about.find()
            ticket.know(wanted)
            if ticket.first(surely=True) and (not about.changes or self._claims.seize(wanted)):
                if about.changes:
                    releases.append(lambda: self._claims.release(wanted))
                if await server.room.enter_at_once():
                    return Held(*releases, server.room.leave)
        except BusyError:
            pass
        except BaseException:
            Held(*releases).release()
            raise
        Held(*releases).release()
        return None

    async def hold(self, server: Server, about: Footprint | None, at: StepPosition | None = None) -> Held:
        """As soon as that can be. Raises BusyError when others take too long, or finding out what it is about does."""
        seconds = server.config.call_seconds
        releases: list[Callable[[], None]] = []
        try:
            if about is not None:
                # In hand before the first wait: how long it takes to find out what it is about says nothing of the
                # order.
                ticket = self._steps.take(at, changes=about.changes)
                releases.append(lambda: self._steps.end(at, ticket))
                held = await self._claimed(about, ticket, seconds)
                if about.changes:
                    releases.append(lambda: self._claims.release(held))
            async with asyncio.timeout(seconds):
                await server.room.enter()
        except BaseException as problem:
            Held(*releases).release()
            if isinstance(problem, TimeoutError):
                words = f"The tool server `{server.config.key}` was busy for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise
        return Held(*releases, server.room.leave)

    async def _claimed(self, about: Footprint, ticket: Ticket, seconds: float) -> Claim:
        held: Claim | None = None
        try:
            async with asyncio.timeout(seconds):
                wanted = await about.find()
                while True:
                    ticket.know(wanted)
                    at_once = not await ticket.turn()
                    if about.changes:
                        at_once = await self._claims.acquire(wanted) and at_once
                        held = wanted
                    # After a wait paths may lead elsewhere, and one before it in its step may have come.
                    if at_once or ((now := await about.find()) == wanted and ticket.first()):
                        return wanted
                    if held is not None:
                        self._claims.release(held)
                        held = None
                    wanted = now
        except BaseException as problem:
            if held is not None:
                self._claims.release(held)
            if isinstance(problem, TimeoutError):
                words = f"Other calls were at the same {about.noun} for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise

    @asynccontextmanager
    async def alone(self, wanted: Claim) -> AsyncGenerator[None]:
        """Only what it is about, for what is no call. Waits for as long as it takes."""
        await self._claims.acquire(wanted)
        try:
            yield
        finally:
            self._claims.release(wanted)
