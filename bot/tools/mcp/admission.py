"""Admits calls: a call runs once it holds a claim on what it changes and its server has capacity."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from bot.core.ports.change_guard import Claim, Footprint
from bot.core.tools import BusyError, StepPosition
from bot.tools.claims import Claims
from bot.tools.mcp.server import Server
from bot.tools.order import Steps, Ticket


class Permit:
    """What one call holds until it is released."""

    def __init__(self, *releases: Callable[[], None]) -> None:
        self._releases = releases

    def release(self) -> None:
        """Release everything; doing it again does nothing."""
        releases, self._releases = self._releases, ()
        for release in reversed(releases):
            release()


class Admission:
    """Admits calls. The claim is acquired before the capacity, so a call that has capacity waits for nothing else."""

    def __init__(self) -> None:
        self._claims = Claims()
        self._steps = Steps()

    async def try_acquire(
        self, server: Server, about: Footprint | None, at: StepPosition | None = None
    ) -> Permit | None:
        """Admit a call without waiting for others; None if that is not possible."""
        if about is None:
            return Permit(server.concurrency.leave) if await server.concurrency.enter_at_once() else None
        ticket = self._steps.take(at, changes=about.changes)
        releases: list[Callable[[], None]] = [lambda: self._steps.end(at, ticket)]
        try:
            wanted = await about.find()
            ticket.know(wanted)
            if ticket.first(surely=True) and (not about.changes or self._claims.try_acquire(wanted)):
                if about.changes:
                    releases.append(lambda: self._claims.release(wanted))
                if await server.concurrency.enter_at_once():
                    return Permit(*releases, server.concurrency.leave)
        except BusyError:
            pass
        except BaseException:
            Permit(*releases).release()
            raise
        Permit(*releases).release()
        return None

    async def acquire(self, server: Server, about: Footprint | None, at: StepPosition | None = None) -> Permit:
        """Wait until a call can be admitted. Raises BusyError if others take too long, or if what the call is about
        cannot be determined."""
        seconds = server.config.call_seconds
        releases: list[Callable[[], None]] = []
        try:
            if about is not None:
                # Registered before the first wait: how long it takes to find out what a call is about must not affect
                # the order.
                ticket = self._steps.take(at, changes=about.changes)
                releases.append(lambda: self._steps.end(at, ticket))
                held = await self._claimed(about, ticket, seconds)
                if about.changes:
                    releases.append(lambda: self._claims.release(held))
            async with asyncio.timeout(seconds):
                await server.concurrency.enter()
        except BaseException as problem:
            Permit(*releases).release()
            if isinstance(problem, TimeoutError):
                words = f"The tool server `{server.config.key}` was busy for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise
        return Permit(*releases, server.concurrency.leave)

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
                    # After a wait, paths may lead elsewhere, and an earlier call of the same step may have arrived.
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
    async def alone(self, wanted: Claim, server: Server) -> AsyncGenerator[None]:
        """Hold only a claim, for something that is not a call and uses this server. Waits without a limit."""
        with server.uses.one():
            await self._claims.acquire(wanted)
            try:
                yield
            finally:
                self._claims.release(wanted)
