"""The program under trial as a child process: started, stopped, killed and frozen as often as one likes.

It runs in a session of its own, so that Ctrl-C in the terminal reaches only the launcher, which stops it in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.slack import SlackSandbox
from slack_sandbox.trial.child_log import ChildLog

State = Literal["starting", "running", "stopping", "stopped", "crashed"]

STOP_SECONDS = 20.0
"""Longer than the bot takes at most (15 s)."""
RUNNING = ("starting", "running", "stopping")


class ProcessReaper(Protocol):
    """Whoever sees to it that no process outlives the launcher, even one that is killed."""

    def watch(self, group: int) -> None:
        """Kill this process group when the launcher dies."""
        ...

    def forget(self, group: int) -> None:
        """It has ended."""
        ...


class Child:
    """One program, a process at a time.

    It is `starting` until it opens a socket to the sandbox's Slack, `crashed` when it has ended by itself.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        slack: SlackSandbox,
        log: ChildLog,
        reaper: ProcessReaper,
        changed: Callable[[], None],
    ) -> None:
        self.state: State = "stopped"
        self.ready_seconds: float | None = None
        self.exit_code: int | None = None
        """How the last process ended; negative: by this signal."""
        self.frozen = False
        self._command, self._environment, self._folder = list(command), dict(environment), folder
        self._slack, self._log, self._reaper, self._changed = slack, log, reaper, changed
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_to_end = False
        self._ended = asyncio.Event()
        self._ended.set()
        self._settled = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process's number while it is there."""
        return self._process.pid if self._process is not None and self.state in RUNNING else None

    async def start(self) -> None:
        """Start it; does not wait until it is ready. Raises ImpossibleAction when it is running."""
        if self.state in RUNNING:
            raise ImpossibleAction("The bot is running already.")
        self._ended.clear()
        self._settled.clear()
        self._told_to_end, self.ready_seconds, self.exit_code, self._process = False, None, None, None
        self._become("starting")
        began = time.monotonic()
        seen = max((connection.number for connection in self._slack.hub.connections), default=0)
        pipe = self._log.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                start_new_session=True,
            )
        except OSError as error:
            self._become("crashed")
            self._ended.set()
            raise ImpossibleAction(f"The bot could not be started: {error.strerror}.") from error
        finally:
            os.close(pipe)
        self._reaper.watch(self._process.pid)
        self._background(self._attend(self._process))
        self._background(self._notice_readiness(seen, began))

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, and wait until it has ended; SIGKILL when it takes longer.

        Raises ImpossibleAction when it is not there.
        """
        self._signal(signal.SIGTERM)
        self._become("stopping")
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL. Raises ImpossibleAction when it is not there."""
        self._signal(signal.SIGKILL)
        await self._ended.wait()

    async def restart(self) -> None:
        """Stop it, if it is there, and start it."""
        if self.state in RUNNING:
            await self.stop()
        await self.start()

    async def ended(self) -> None:
        """Wait until there is no process."""
        await self._ended.wait()

    async def settled(self) -> None:
        """Wait until it is running, or has ended."""
        await self._settled.wait()

    def freeze(self) -> None:
        """SIGSTOP. Raises ImpossibleAction when it is not there."""
        if self.pid is None or self._process is None:
            raise ImpossibleAction("The bot is not running.")
        self._process.send_signal(signal.SIGSTOP)
        self.frozen = True
        self._changed()

    def thaw(self) -> None:
        """SIGCONT, if it was frozen."""
        if self.frozen and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
        self.frozen = False
        self._changed()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is None or self._process is None:
            raise ImpossibleAction("The bot is not running.")
        self._told_to_end = True
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        if self.frozen:
            self.thaw()

    async def _attend(self, process: asyncio.subprocess.Process) -> None:
        self.exit_code = await process.wait()
        self._reaper.forget(process.pid)
        self.frozen = False
        await self._log.drained()
        self._log.add(f"({_exit_description(self.exit_code)})")
        if not self._told_to_end and self.ready_seconds is not None:
            self._log.tell(
                f"The bot has ended by itself: {_exit_description(self.exit_code)}; {self._log.path} says more."
            )
        self._become("stopped" if self._told_to_end else "crashed")
        self._ended.set()

    async def _notice_readiness(self, seen: int, began: float) -> None:
        process = self._process

        def opened() -> bool:
            gone = self._process is not process or self.state != "starting"
            return gone or any(connection.number > seen for connection in self._slack.hub.ready)

        await self._slack.until(opened, timeout=float(2**20), what="the bot's socket", poll=0.5)
        if self._process is process and self.state == "starting":
            self.ready_seconds = round(time.monotonic() - began, 2)
            self._become("running")

    def _background(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _become(self, state: State) -> None:
        self.state = state
        if state in ("running", "stopped", "crashed"):
            self._settled.set()
        self._changed()


def _exit_description(code: int) -> str:
    if code < 0:
        return f"the process was ended by signal {-code}"
    return f"the process ended with exit code {code}"
