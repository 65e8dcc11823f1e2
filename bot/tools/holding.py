"""The right to make a call now: nobody else is at the files that it changes, and its server has room for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.core.calls import BusyError, JsonObject, Tool
from bot.tools.claims import Claim, Claims, claim
from bot.tools.disk import DiskTimeoutError
from bot.tools.paths import Filesystem
from bot.tools.server import Server


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
    """Gives the right to make calls. The files first and then the room, so that who has room waits for nobody."""

    def __init__(self) -> None:
        self._claims = Claims()

    async def seize(self, server: Server, tool: Tool, arguments: JsonObject, files: Filesystem | None) -> Held | None:
        """Without waiting for other calls; None when that cannot be. `files` are those that the tool changes."""
        if files is None:
            return Held(server.leave) if await server.enter_at_once() else None
        try:
            wanted = await files.disk.run(claim, files, tool, arguments)
        except DiskTimeoutError:
            return None
        if not self._claims.seize(wanted):
            return None
        if not await server.enter_at_once():
            self._claims.release(wanted)
            return None
        return Held(lambda: self._claims.release(wanted), server.leave)

    async def hold(self, server: Server, tool: Tool, arguments: JsonObject, files: Filesystem | None) -> Held:
        """As soon as that can be. Raises BusyError when others take too long, or the disk does."""
        seconds = server.config.call_seconds
        releases: list[Callable[[], None]] = []
        if files is not None:
            held = await self._files(tool, arguments, files, seconds)
            releases.append(lambda: self._claims.release(held))
        try:
            async with asyncio.timeout(seconds):
                await server.enter()
        except BaseException as problem:
            Held(*releases).release()
            if isinstance(problem, TimeoutError):
                words = f"The tool server `{tool.server}` was busy for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise
        return Held(*releases, server.leave)

    async def _files(self, tool: Tool, arguments: JsonObject, files: Filesystem, seconds: float) -> Claim:
        held: Claim | None = None
        try:
            async with asyncio.timeout(seconds):
                wanted = await files.disk.run(claim, files, tool, arguments)
                while True:
                    at_once = await self._claims.acquire(wanted)
                    held = wanted
                    # After a wait the paths may lead elsewhere.
                    if at_once or (wanted := await files.disk.run(claim, files, tool, arguments)) == held:
                        return held
                    self._claims.release(held)
                    held = None
        except BaseException as problem:
            if held is not None:
                self._claims.release(held)
            if isinstance(problem, DiskTimeoutError):
                raise BusyError("The disk with its files does not answer. The call was not sent.") from None
            if isinstance(problem, TimeoutError):
                words = f"Another call was changing the same files for {seconds:g} s. The call was not sent."
                raise BusyError(words) from None
            raise

    async def paths(self, wanted: Claim) -> Held:
        """Only the files, for what is no call. Waits for as long as it takes."""
        await self._claims.acquire(wanted)
        return Held(lambda: self._claims.release(wanted))
