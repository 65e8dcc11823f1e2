"""Faults of processes: the tool server below the bot is killed, the bot itself is killed or frozen."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.page.controls import ActiveFault, FaultOffer, NumberField
from slack_sandbox.trial.child import Child

SERVER = "server-filesystem"
"""Part of the command line of the filesystem server, whether Node or npx runs it."""
_PS = ("ps", "-A", "-o", "pid=,ppid=,args=")

_KILL_SERVER, _KILL_BOT, _FREEZE = "process_kill_server", "process_kill_bot", "process_freeze"


class ProcessFaults:
    """Implements FaultSource for the bot's process and its filesystem server."""

    def __init__(self, child: Child, changed: Callable[[], None]) -> None:
        self._child = child
        self._changed = changed
        self._thawing: asyncio.Task[None] | None = None

    def offers(self) -> Sequence[FaultOffer]:
        """What can be switched on now."""
        unavailable = "" if self._child.pid is not None else "The bot is not running."
        freeze = NumberField("For", "seconds", 10, 1, 120)
        return (
            FaultOffer(
                _KILL_SERVER,
                "Processes",
                "Kill the filesystem server",
                "kill -9 of the process that has the tools. The bot starts it again.",
                once=True,
                unavailable=unavailable,
            ),
            FaultOffer(
                _KILL_BOT,
                "Processes",
                "Kill the bot and start it again",
                "kill -9, as when the machine fails. What it was doing goes on where its log ends.",
                once=True,
                unavailable=unavailable,
            ),
            FaultOffer(
                _FREEZE,
                "Processes",
                "Freeze the bot",
                "It does nothing at all for so long (SIGSTOP). Slack sends events again; clicks get a warning sign.",
                number=freeze,
                unavailable=unavailable,
            ),
        )

    def active(self) -> Sequence[ActiveFault]:
        """The bot's being frozen, if it is."""
        return (ActiveFault(_FREEZE, _FREEZE, "The bot is frozen"),) if self._child.frozen else ()

    async def switch_on(self, kind: str, number: float | None) -> None:
        """Make it happen. Raises ImpossibleAction with the reason when it cannot."""
        match kind:
            case "process_kill_server":
                await self._kill_server()
            case "process_kill_bot":
                await self._child.kill()
                await self._child.start()
            case "process_freeze":
                self._child.freeze()
                self._cancel()
                self._thawing = asyncio.create_task(self._thaw_after(10 if number is None else number))
            case _:
                raise ImpossibleAction(f"There is no fault {kind}.")
        self._changed()

    def switch_off(self, fault: str | None) -> None:
        """Let a frozen bot go on."""
        if fault in (None, _FREEZE):
            self._cancel()
            self._child.thaw()

    async def _thaw_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._child.thaw()

    def _cancel(self) -> None:
        if self._thawing is not None:
            self._thawing.cancel()
            self._thawing = None

    async def _kill_server(self) -> None:
        if self._child.pid is None:
            raise ImpossibleAction("The bot is not running.")
        found = [pid for pid, words in await descendants(self._child.pid) if SERVER in words]
        if not found:
            raise ImpossibleAction("No filesystem server is running below the bot just now.")
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def descendants(pid: int) -> list[tuple[int, str]]:
    """The processes below this one and their command lines, by `ps`. Raises ImpossibleAction where there is no `ps`."""
    try:
        asked = await asyncio.create_subprocess_exec(
            *_PS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        raise ImpossibleAction("`ps` is not installed here, so the server cannot be found.") from error
    listed, _ = await asked.communicate()
    children: dict[int, list[tuple[int, str]]] = {}
    for line in listed.decode("utf-8", "replace").splitlines():
        number, parent, words = [*line.split(None, 2), "", "", ""][:3]
        if number.isdecimal() and parent.isdecimal():  # else a command line of several lines goes on
            children.setdefault(int(parent), []).append((int(number), words))
    found: list[tuple[int, str]] = []
    parents = [pid]
    while parents:
        those = children.get(parents.pop(), [])
        found += those
        parents += [number for number, _ in those]
    return found
