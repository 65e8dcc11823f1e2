"""Starts a server's process. Needs nothing of the MCP SDK, so the process gets up while that is still imported."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.tools.disk import Disk, DiskTimeoutError
from bot.tools.environment import inherited
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.server_config import StdioServer

AHEAD_SECONDS: Final = 0.5
"""What the start of the bot waits for the start of a server's process, which takes milliseconds."""
NO_ANSWER: Final = "the disk with its program or its folder does not answer"
CHUNK: Final = 256 * 1024
"""Bytes that are read at a time at most."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A process with its pipes, and the reaper knows it."""

    transport: asyncio.SubprocessTransport
    process: Process

    async def abandon(self, reaper: ProcessReaper) -> None:
        """Kill it: it was started in vain, and nothing was said to it."""
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self.transport.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        reaper.forget(self.process.pid)
        self.transport.close()


async def launch(config: StdioServer, reaper: ProcessReaper, disk: Disk | None = None) -> Launched:
    """Start the process. Raises OSError when the command cannot be run, ValueError for one that cannot exist.

    Until the process has entered its folder and found its program the loop is held. So both are looked at before, by
    the threads of a disk of its own: one that does not answer keeps nobody but this server.
    """
    loop = asyncio.get_running_loop()
    try:
        await (disk or Disk(config.key)).run(_look, config)
    except DiskTimeoutError as problem:
        raise TimeoutError(errno.ETIMEDOUT, NO_ANSWER) from problem
    reaper.start()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=CHUNK, loop=loop),
        config.command,
        *config.args,
        env=inherited() | dict(config.env),
        cwd=config.cwd,
        start_new_session=True,  # its own process group, which is how the whole tree can be killed
    )
    process = Process(transport, protocol, loop)
    reaper.watch(process.pid)
    return Launched(transport, process)


def _look(config: StdioServer) -> None:
    """Have the disk answer for all that the start of the process asks of it; what is wrong is found out there."""
    with suppress(OSError, ValueError):
        if config.cwd is not None:
            os.stat(config.cwd)
        path = {**inherited(), **config.env}.get("PATH")
        found = shutil.which(config.command, path=path)
        if found is not None:
            with open(found, "rb") as program:
                program.read(1)


class Ahead:
    """The process of a server's first life, started before anybody can talk to it."""

    def __init__(self, config: StdioServer, reaper: ProcessReaper) -> None:
        self._config = config
        self._reaper = reaper
        self._disk = Disk(config.key)
        self._task: asyncio.Task[Launched] | None = None

    async def launch(self) -> None:
        """Start it, and wait a moment for that. Never raises: whoever takes it is told what is wrong."""
        self._task = asyncio.create_task(launch(self._config, self._reaper, self._disk))
        await asyncio.wait([self._task], timeout=AHEAD_SECONDS)

    def take(self) -> Awaitable[Launched]:
        """Have it, and end it then; one that is started now when there is none."""
        task, self._task = self._task, None
        return task or launch(self._config, self._reaper, self._disk)

    async def abandon(self) -> None:
        """End it if nobody has taken it."""
        task, self._task = self._task, None
        if task is None:
            return
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            await task.result().abandon(self._reaper)
