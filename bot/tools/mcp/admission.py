"""The right to make a call now: nobody else is at the files that it changes, and its server has room for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.tools import BusyError, InStep
from bot.tools.disk import Disk, DiskTimeoutError
from bot.tools.filesystem.claims import Claim, Claims
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


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a call is about."""

    disk: Disk
    changes: bool
    """It may change them. Else it only reads, beside whatever others do, but in the order of its step."""
    find: Callable[[], Claim]
    """For a thread of the disk."""


class Holding:
    """Gives the right to make calls. The files first and then the room, so that who has room waits for nobody."""

    def __init__(self) -> None:
        self._claims = Claims()
        self._steps = Steps()

    async def seize(self, server: Server, files: Files | None, at: InStep | None = None) -> Held | None:
        """Without waiting for other calls; None when that cannot be."""
        if files is None:
            return Held(server.leave) if await server.enter_at_once() else None
        ticket = self._steps.take(at, changes=files.changes)
        releases: list[Callable[[], None]] = [lambda: self._steps.end(at, ticket)]
        try:
            wanted = await files.disk.run(files.find)
            ticket.know(wanted)
            if ticket.first(surely=True) and (not files.changes or self._claims.seize(wanted)):
                if files.changes:
                    releases.append(lambda: self._claims.release(wanted))
                if await server.enter_at_once():
                    return Held(*releases, server.leave)
        except DiskTimeoutError:
            pass
        except BaseException:
            Held(*releases).release()
            raise
        Held(*releases).release()
        return None

    async def hold(self, server: Server, files: Files | None, at: InStep | None = None) -> Held:
        """As soon as that can be. Raises BusyError when others take too long, or the disk does."""
        seconds = server.config.call_seconds
        releases: list[Callable[[], None]] = []
        try:
            if files is not None:
                # In hand before the first wait: how long the look at the disk takes says nothing of the order.
                ticket = self._steps.take(at, changes=files.changes)
                releases.append(lambda: self._steps.end(at, ticket))
                held = await self._files(files, ticket, seconds)
                if files.changes:
                    releases.append(lambda: self._claims.release(held))
            async with asyncio.timeout(seconds):
                await server.enter()
        except BaseException as problem:
            Held(*releases).release()
            if isinstance(problem, TimeoutError):
                words = f"The tool server `{server.config.key}` was busy for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise
        return Held(*releases, server.leave)

    async def _files(self, files: Files, ticket: Ticket, seconds: float) -> Claim:
        held: Claim | None = None
        try:
            async with asyncio.timeout(seconds):
                wanted = await files.disk.run(files.find)
                while True:
                    ticket.know(wanted)
                    at_once = not await ticket.turn()
                    if files.changes:
                        at_once = await self._claims.acquire(wanted) and at_once
                        held = wanted
                    # After a wait the paths may lead elsewhere, and one before it in its step may have come.
                    if at_once or ((now := await files.disk.run(files.find)) == wanted and ticket.first()):
                        return wanted
                    if held is not None:
                        self._claims.release(held)
                        held = None
                    wanted = now
        except BaseException as problem:
            if held is not None:
                self._claims.release(held)
            if isinstance(problem, DiskTimeoutError):
                raise BusyError("The disk with its files does not answer. The call was not sent.") from None
            if isinstance(problem, TimeoutError):
                words = f"Other calls were at the same files for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise

    async def paths(self, wanted: Claim) -> Held:
        """Only the files, for what is no call. Waits for as long as it takes."""
        await self._claims.acquire(wanted)
        return Held(lambda: self._claims.release(wanted))
