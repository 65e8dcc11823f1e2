"""One MCP server over the whole life of the bot: connected, called, noticed when it ends, connected again.

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
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.tools import CallResult, DeliveryStatus, Tool
from bot.tools import text
from bot.tools.json_schema import portable
from bot.tools.mcp import names
from bot.tools.mcp.connection_failure import ConnectionReport
from bot.tools.mcp.room import FullError, Room
from bot.tools.mcp.transports.transport import Transport
from bot.tools.server_config import ServerConfig

if TYPE_CHECKING:
    from bot.tools.mcp.session import Definition, Session

log = logging.getLogger(__name__)

CALLS_AT_ONCE = 16
"""Calls that one server works on at the same time; more wait. Those of a guard have as much room of their own."""
WAIT_SECONDS = 10.0
"""How long a call waits for a server that is just starting (again): it has not been sent, so it may wait."""
FIRST_PAUSE, MAX_PAUSE = 0.25, 60.0
"""Seconds between a death and the next start; doubled with each death, with jitter against starts in step."""
STABLE_SECONDS = 30.0
"""Who lived so long is started again after the first pause, however often it died before."""
RELIST_PAUSE = 0.2
"""Seconds before the tools are listed again: a server that announces changes in a burst is asked once."""

_CLOSE_SECONDS = 3.0


def pause_after(deaths: int) -> float:
    """Seconds until the next start, after so many deaths in a row."""
    longest = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(deaths - 1, 20))
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

    def __init__(self, config: ServerConfig, transport: Transport, on_tools: Callable[[], None]) -> None:
        """In: what reaches the server. `on_tools` is called when the tools are no longer the same."""
        self.config = config
        self.state = State.STARTING
        self.tools: tuple[Tool, ...] = ()
        """By name. While the server is down they stay: the prompt's cache and the history hold."""
        # What was approved for one program or folder must not run in another that takes its key, and what its own
        # hints said of it counts only as long as it is trusted.
        self._origin = canonical(list(config.identity()))
        self._transport = transport
        self._on_tools = on_tools
        self._owner: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self.room = Room(CALLS_AT_ONCE)
        self._guards_room = Room(CALLS_AT_ONCE)
        """For calls of the server's guard: it may have to look at something while a call has room already."""
        self._moved = asyncio.Event()
        self._attention = asyncio.Event()
        self._tools_changed = False
        self._legacy = False
        self._retry_at = 0.0
        self._reason = ""
        self._last_words = ""

    async def launch(self) -> None:
        """Begin ahead of `start` with what takes time. Never raises: `start` tells what is wrong."""
        await self._transport.launch()

    def start(self) -> None:
        """Begin to start the server in the background."""
        self._owner = asyncio.create_task(self._own(), name=f"mcp server {self.config.key}")

    async def aclose(self) -> None:
        """End the server: a well made one at once, any within 2 s. Calls under way end as unknown."""
        if self._owner is None:
            await self._transport.abandon()
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

    def tool(self, remote_name: str) -> Tool | None:
        """One of its tools as it is defined now, by the server's own name of it."""
        return next((known for known in self.tools if known.remote_name == remote_name), None)

    async def call(self, tool: Tool, arguments: JsonObject, *, entered: bool = False) -> CallResult:
        """Run one call. Never raises but CancelledError; cancelling it asks the server to stop. `entered` says that the
        caller has taken room."""
        return await self._timed(
            nullcontext() if entered else self.room.place(self.config.call_seconds), tool, arguments
        )

    async def call_for_guard(self, tool: Tool, arguments: JsonObject) -> CallResult:
        """The same of a call that the server's guard makes. It needs no room among the calls, and its result is exactly
        as it came, for the program and not for a model."""
        place = self._guards_room.place(self.config.call_seconds)
        return await self._timed(place, tool, arguments, whole=True)

    async def _timed(
        self, place: AbstractAsyncContextManager[None], tool: Tool, arguments: JsonObject, *, whole: bool = False
    ) -> CallResult:
        began = time.monotonic()
        try:
            async with place:
                certainty, words = await self._call(tool, arguments, whole=whole)
        except FullError:
            waited = f"{self.config.call_seconds:g} s"
            words = f"The tool server `{tool.server}` was busy for {waited}. The call was not sent."
            certainty = DeliveryStatus.UNSENT
        return CallResult(certainty, words, time.monotonic() - began)

    async def _call(self, tool: Tool, arguments: JsonObject, *, whole: bool) -> tuple[DeliveryStatus, str]:
        try:
            arguments = text.sendable(arguments)
        except RecursionError:
            return DeliveryStatus.UNSENT, "The arguments are nested too deeply. The call was not sent."
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            session = await self._session_by(deadline)
            if session is None:
                return DeliveryStatus.UNSENT, f"{self.trouble() or 'The tool server is busy.'} The call was not sent."
            if refusal := self._refusal(tool):
                return DeliveryStatus.UNSENT, refusal
            seconds = self.config.call_seconds
            certainty, words = await session.call(tool.remote_name, arguments, seconds, whole=whole)
            # It ended in the moment before the call was written: nothing was sent, so the next connection may have it.
            if certainty is DeliveryStatus.UNSENT and session.ended:
                continue
            return certainty, words

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
        now = self.tool(tool.remote_name)
        if now is None:
            return f"The tool server `{tool.server}` no longer offers `{tool.remote_name}`. The call was not sent."
        if now.digest != tool.digest:
            return f"The definition of `{tool.name}` has changed since this call was made. The call was not sent."
        return None

    async def _own(self) -> None:
        """The owner task: one connection after the other, until it is cancelled."""
        deaths = 0
        try:
            # The SDK takes 0.7 s to import; the bot opens its socket meanwhile.
            await asyncio.to_thread(self._load)
            while True:
                began = time.monotonic()
                self._reason = await self._serve()
                deaths = 1 if time.monotonic() - began > STABLE_SECONDS else deaths + 1
                pause = pause_after(deaths)
                self._retry_at = time.monotonic() + pause
                self._move(State.DOWN)
                said = f" Its last words: {self._last_words}." if self._last_words else ""
                log.warning("%s%s Next start in %.1f s.", self.trouble(), said, pause)
                await asyncio.sleep(pause)
        finally:
            await self._transport.abandon()
            self._session = None
            self._move(State.STOPPED)

    def _load(self) -> None:
        """For a thread."""
        importlib.import_module("bot.tools.mcp.session")
        self._transport.load()

    async def _serve(self) -> str:
        """One connection, or two attempts at one; returns why it ended.

        A server that ends when it is asked for 2026-07-28 gets a second attempt with `initialize`; which way worked is
        remembered. When that stops working (the server was updated) both are tried again.
        """
        first = await self._serve_once(legacy=self._legacy)
        if first.was_up or not first.may_be_the_question:
            return first.ending.reason
        if self._legacy:
            self._legacy = False
            return first.ending.reason
        second = await self._serve_once(legacy=True)
        return second.ending.reason if second.was_up else first.ending.reason

    async def _serve_once(self, *, legacy: bool) -> ConnectionReport:
        """Connect, serve until the server ends, tidy up."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - `_load` has imported it in a thread

        report = ConnectionReport()
        self._attention, self._tools_changed = asyncio.Event(), False
        connection = self._transport.connection(self._attention.set)
        trouble: Exception | None = None
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(sdk.CONNECT_SECONDS):
                    session = await stack.enter_async_context(
                        sdk.connect(connection, self.config.key, legacy=legacy, on_change=self._note_change)
                    )
                    definitions = await session.definitions()
                report.was_up = True
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
            trouble = problem
            if not isinstance(problem, OSError | ValueError | RuntimeError | ExceptionGroup | sdk.MCPError):
                log.exception("%s: unexpected", self.config.key)
        finally:
            self._session = None
            report.conclude(connection, trouble)
            self._last_words = report.ending.last_words
        return report

    async def _stay(self, session: Session) -> None:
        """Serve until the server dies; list its tools again when it says that they changed."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - see `_serve_once`

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
