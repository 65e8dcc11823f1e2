"""One MCP server over the whole life of the bot: started, called, noticed when it dies, started again.

One task owns the connection (the SDK demands that it is opened and closed in the same task); callers call from theirs.

    starting ──▶ up ──▶ down ──▶ up …      any ──▶ stopped
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.tools import CallResult, DeliveryStatus, Tool
from bot.tools import text
from bot.tools.json_schema import portable
from bot.tools.mcp import names
from bot.tools.mcp.connection_failure import Life
from bot.tools.mcp.process_reaper import Guard
from bot.tools.mcp.server_config import ServerConfig
from bot.tools.mcp.transports.process import Ahead

if TYPE_CHECKING:
    from bot.tools.mcp.session import Definition, Session

log = logging.getLogger(__name__)

CALLS_AT_ONCE = 16
"""Calls that one server works on at the same time; more wait."""
WAIT_SECONDS = 10.0
"""How long a call waits for a server that is just starting (again): it has not been sent, so it may wait."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 60.0
"""Seconds between a death and the next start; doubled with each death, with jitter against starts in step."""
STABLE_SECONDS = 30.0
"""Who lived so long is started again after the first pause, however often it died before."""
RELIST_PAUSE = 0.2
"""Seconds before the tools are listed again: a server that announces changes in a burst is asked once."""

_CLOSE_SECONDS = 3.0


def pause_after(deaths: int) -> float:
    """Seconds until the next start, after so many deaths in a row."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(deaths - 1, 20))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


class State(StrEnum):
    """Where a server is in its life."""

    STARTING = "starting"
    """The first attempt is under way."""
    UP = "up"
    DOWN = "down"
    """It failed to start or died; it is started again after a pause."""
    STOPPED = "stopped"


class Server:
    """A configured server and its tools."""

    def __init__(self, config: ServerConfig, guard: Guard, on_tools: Callable[[], None]) -> None:
        """`on_tools` is called when the tools are no longer the same."""
        self.config = config
        self.state = State.STARTING
        self.tools: tuple[Tool, ...] = ()
        """By name. While the server is down they stay: the prompt's cache and the history hold."""
        # What was approved for one program or folder must not run in another that takes its key, and what its own
        # hints said of it counts only as long as it is trusted.
        self._origin = canonical([config.key, config.command, list(config.args), str(config.cwd), config.trusted])
        self._guard = guard
        self._on_tools = on_tools
        self._owner: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._moved = asyncio.Event()
        self._attention = asyncio.Event()
        self._tools_changed = False
        self._legacy = False
        self._retry_at = 0.0
        self._reason = ""
        self._last_words = ""
        self._ahead = Ahead(config, guard)

    async def launch(self) -> None:
        """Start the process ahead of `start`, which then goes on with it. Never raises: `start` tells what is wrong."""
        await self._ahead.launch()

    def start(self) -> None:
        """Begin to start the server in the background."""
        self._owner = asyncio.create_task(self._own(), name=f"mcp server {self.config.key}")

    async def aclose(self) -> None:
        """End the server: a well made one at once, any within 2 s. Calls under way end as unknown."""
        if self._owner is None:
            await self._ahead.abandon()
            self._move(State.STOPPED)
            return
        self._owner.cancel()
        await asyncio.wait([self._owner], timeout=_CLOSE_SECONDS)

    async def settled(self) -> None:
        """Wait until the first attempt to start has succeeded or failed."""
        while self.state is State.STARTING:
            await self._moved.wait()

    def trouble(self) -> str | None:
        """One sentence on why the server cannot be used now; None when it can."""
        key = self.config.key
        match self.state:
            case State.UP:
                return None
            case State.STARTING:
                return f"The tool server `{key}` has not started yet."
            case State.STOPPED:
                return f"The tool server `{key}` was stopped."
            case State.DOWN:
                return f"The tool server `{key}` is not running: {self._reason}."

    async def enter_at_once(self) -> bool:
        """Take room for a call, if there is some. It is given back by `leave`."""
        if self._slots.locked():
            return False
        await self._slots.acquire()
        return True

    async def enter(self) -> None:
        """Take room for a call, as soon as there is some."""
        await self._slots.acquire()

    def leave(self) -> None:
        """Give the room back."""
        self._slots.release()

    async def call(
        self, tool: Tool, arguments: JsonObject, *, whole: bool = False, entered: bool = False
    ) -> CallResult:
        """Run one call. Never raises but CancelledError; cancelling it asks the server to stop. With `whole` the result
        is exactly as it came, for the program and not for a model; `entered` says that the caller has taken room."""
        began = time.monotonic()
        certainty, words = await self._call(tool, arguments, whole=whole, entered=entered)
        return CallResult(certainty, words, time.monotonic() - began)

    async def _call(
        self, tool: Tool, arguments: JsonObject, *, whole: bool, entered: bool
    ) -> tuple[DeliveryStatus, str]:
        seconds = self.config.call_seconds
        try:
            arguments = text.sendable(arguments)
        except RecursionError:
            return DeliveryStatus.UNSENT, "The arguments are nested too deeply. The call was not sent."
        try:
            if not entered:
                async with asyncio.timeout(seconds):
                    await self.enter()
        except TimeoutError:
            return (
                DeliveryStatus.UNSENT,
                f"The tool server `{tool.server}` was busy for {seconds:g} s. The call was not sent.",
            )
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while True:
                session = await self._session_by(deadline)
                if session is None:
                    return (
                        DeliveryStatus.UNSENT,
                        f"{self.trouble() or 'The tool server is busy.'} The call was not sent.",
                    )
                if refusal := self._refusal(tool):
                    return DeliveryStatus.UNSENT, refusal
                certainty, words = await session.call(tool.remote_name, arguments, seconds, whole=whole)
                # It died in the moment before the call was written: nothing was sent, so the next life may have it.
                if certainty is DeliveryStatus.UNSENT and session.ended:
                    continue
                return certainty, words
        finally:
            if not entered:
                self.leave()

    async def _session_by(self, deadline: float) -> Session | None:
        """The connection, if there is one before the deadline and it makes sense to wait for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline - time.monotonic()):
                while True:
                    if self.state is State.UP and self._session is not None and not self._session.ended:
                        return self._session
                    if self.state is State.STOPPED or (self.state is State.DOWN and self._retry_at > deadline):
                        return None
                    await self._moved.wait()
        return None

    def _refusal(self, tool: Tool) -> str | None:
        """Why this tool is not the one that was meant, if so: approval was given for another definition."""
        now = next((known for known in self.tools if known.remote_name == tool.remote_name), None)
        if now is None:
            return f"The tool server `{tool.server}` no longer offers `{tool.remote_name}`. The call was not sent."
        if now.digest != tool.digest:
            return f"The definition of `{tool.name}` has changed since this call was made. The call was not sent."
        return None

    async def _own(self) -> None:
        """The owner task: one life after the other, until it is cancelled."""
        deaths = 0
        try:
            # The SDK takes 0.7 s to import; the bot opens its socket meanwhile.
            await asyncio.to_thread(importlib.import_module, "bot.tools.mcp.session")
            while True:
                began = time.monotonic()
                self._reason = await self._try_life()
                deaths = 1 if time.monotonic() - began > STABLE_SECONDS else deaths + 1
                pause = pause_after(deaths)
                self._retry_at = time.monotonic() + pause
                self._move(State.DOWN)
                said = f" Its last words: {self._last_words}." if self._last_words else ""
                log.warning("%s%s Next start in %.1f s.", self.trouble(), said, pause)
                await asyncio.sleep(pause)
        finally:
            await self._ahead.abandon()
            self._session = None
            self._move(State.STOPPED)

    async def _try_life(self) -> str:
        """One life, or two attempts at one; returns why it ended.

        A server that ends when it is asked for 2026-07-28 gets a second attempt with `initialize`; which way worked is
        remembered. When that stops working (the server was updated) both are tried again.
        """
        life = await self._live(legacy=self._legacy)
        if life.was_up or not life.may_be_the_question:
            return life.reason
        if self._legacy:
            self._legacy = False
            return life.reason
        second = await self._live(legacy=True)
        return second.reason if second.was_up else life.reason

    async def _live(self, *, legacy: bool) -> Life:
        """Start the server, serve until it dies, tidy up."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - `_own` had it imported in a thread

        life = Life()
        self._attention, self._tools_changed = asyncio.Event(), False
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(sdk.CONNECT_SECONDS):
                    session = await stack.enter_async_context(
                        sdk.connect(
                            self.config,
                            self._guard,
                            legacy=legacy,
                            on_end=self._attention.set,
                            on_change=self._note_change,
                            on_exit=life.take_down,
                            ahead=self._ahead,
                        )
                    )
                    definitions = await session.definitions()
                life.was_up = True
                self._legacy = session.is_legacy
                await self._adopt(definitions)
                self._session = session
                self._move(State.UP)
                log.info("the tool server %s is up with %d tools", self.config.key, len(self.tools))
                watcher = asyncio.create_task(session.watch(self._note_change))
                stack.callback(watcher.cancel)
                await self._stay(session)
        except (
            Exception
        ) as problem:  # whatever a server or the SDK does: the owner must live, to start the server again
            life.blame(problem, self.config)
            if not isinstance(problem, OSError | ValueError | RuntimeError | ExceptionGroup | sdk.MCPError):
                log.exception("%s: unexpected", self.config.key)
        finally:
            self._session = None
            self._last_words = life.last_words
        return life

    async def _stay(self, session: Session) -> None:
        """Serve until the server dies; list its tools again when it says that they changed."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - see `_live`

        while not session.ended:
            await self._attention.wait()
            self._attention.clear()
            if self._tools_changed and not session.ended:
                await asyncio.sleep(RELIST_PAUSE)
                self._tools_changed = False
                try:
                    definitions = await session.definitions()
                except (ValueError, TimeoutError, sdk.MCPError) as problem:
                    log.warning("%s: listing the changed tools failed: %s", self.config.key, text.line(str(problem)))
                else:
                    await self._adopt(definitions)
                    log.info("the tool server %s has listed its tools again", self.config.key)

    def _note_change(self) -> None:
        self._tools_changed = True
        self._attention.set()

    async def _adopt(self, definitions: Sequence[Definition]) -> None:
        """Make the server's definitions ours."""
        # In a thread: a thousand tools take a second.
        tools = await asyncio.to_thread(self._offered, definitions)
        # The digest covers all of a definition. To compare the schemas of a thousand tools takes long.
        if [tool.digest for tool in tools] != [tool.digest for tool in self.tools]:
            self.tools = tuple(tools)
            self._on_tools()

    def _offered(self, definitions: Sequence[Definition]) -> list[Tool]:
        config = self.config
        offered = names.offered(names.prefix(config.key), [definition.name for definition in definitions])
        return sorted(
            (
                Tool(
                    name=offered[definition.name],
                    server=config.key,
                    remote_name=definition.name,
                    description=text.visible(definition.description),
                    schema=definition.schema,
                    parameters=portable.convert(definition.schema),
                    trusted=config.trusted,
                    read_only=definition.read_only,
                    destructive=definition.destructive,
                    idempotent=definition.idempotent,
                    digest=sha256(self._origin, definition.digest),
                )
                for definition in definitions
            ),
            key=lambda tool: tool.name,
        )

    def _move(self, state: State) -> None:
        self.state = state
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
