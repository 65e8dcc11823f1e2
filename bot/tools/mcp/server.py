"""One MCP server over the lifetime of the bot: connects, calls tools, notices when the server ends, reconnects.

One task owns the connection (the SDK requires that it is opened and closed in the same task); callers use it from their
own.

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
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.core import server_tasks
from bot.core.json_text import JsonObject
from bot.core.ports.change_guard import ChangeGuard
from bot.core.server_state import ServerState
from bot.core.tools import CallResult, DeliveryStatus, Dialogue, ResultText, Tool
from bot.tools import text
from bot.tools.mcp.concurrency_limit import ConcurrencyLimit, FullError
from bot.tools.mcp.connection_failure import ConnectionReport
from bot.tools.mcp.offered_tools import offered_tools
from bot.tools.mcp.reference_count import ReferenceCount
from bot.tools.mcp.server_state import State
from bot.tools.mcp.session_monitor import MAX_UNANSWERED, Upkeep
from bot.tools.mcp.transports.transport import Transport
from bot.tools.server_config import ServerConfig

if TYPE_CHECKING:
    from bot.tools.mcp.definitions import Definition
    from bot.tools.mcp.server_info import About
    from bot.tools.mcp.session import Session

log = logging.getLogger(__name__)

WAIT_SECONDS = 10.0
"""How long a call waits for a server that is starting. It has not been sent, so it may wait."""
FIRST_PAUSE, MAX_PAUSE = 0.25, 60.0
"""Seconds between the end of a server and the next start; doubled each time, with jitter against simultaneous
starts."""
STABLE_SECONDS = 30.0
"""A server that ran for this long is restarted after the first pause, however often it ended before."""

_CLOSE_SECONDS = 3.0


def pause_after(deaths: int) -> float:
    """Return the seconds until the next start, after so many consecutive ends."""
    longest = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(deaths - 1, 20))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


class Server:
    """A configured server and its tools."""

    with_tasks = True
    """Whether it may make tasks of calls, which are asked about later, by another process, too."""

    def __init__(
        self,
        config: ServerConfig,
        transport: Transport,
        on_tools: Callable[[], None],
        on_state: Callable[[], None] = lambda: None,
    ) -> None:
        """In: the transport that reaches the server. `on_tools` is called when the tools have changed, `on_state` when
        the state has."""
        self.config = config
        self.state = State.STARTING
        self.tools: tuple[Tool, ...] = ()
        """Sorted by name. They are kept while the server is down, so that the prompt cache and the history stay
        valid."""
        self.guard: ChangeGuard | None = None
        """What is known of what its calls change."""
        self._transport = transport
        self._on_tools, self._on_state = on_tools, on_state
        self._definitions: Sequence[Definition] = ()
        self.uses = ReferenceCount()
        """Calls under way, and what else keeps the server from retiring."""
        self._owner: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self.concurrency = ConcurrencyLimit(config.calls_at_once)
        self._guards_limit = ConcurrencyLimit(config.calls_at_once)
        """For the calls of the server's guard, which may have to look at something while a call already has a place."""
        self._moved = asyncio.Event()
        self._upkeep = Upkeep(config.key, self._adopt)
        self._legacy = config.legacy
        self._retry_at = 0.0
        self._since = time.monotonic()
        self._reason = ""
        self._last_words = ""

    async def launch(self) -> None:
        """Begin with slow preparations ahead of `start`. Never raises: `start` reports what is wrong."""
        await self._transport.launch()

    def start(self) -> None:
        """Begin to start the server in the background."""
        self._owner = asyncio.create_task(self._own(), name=f"mcp server {self.config.key}")

    async def aclose(self) -> None:
        """End the server: a well-behaved one at once, any other within 2 s. Calls in progress end with an unknown
        outcome."""
        if self._owner is None:
            await self._transport.abandon()
            self._move(State.STOPPED)
            return
        self._owner.cancel()
        await asyncio.wait([self._owner], timeout=_CLOSE_SECONDS)

    async def succeed(self, other: Server) -> None:
        """Offer the tools of a server with another configuration until this one has listed its own, if it is the same
        server: a turn that begins meanwhile has them, too."""
        if self.config.identity() == other.config.identity():
            await self._adopt(other._definitions)

    async def retire(self) -> None:
        """End the server once its calls have ended. If this is cancelled, it ends at once."""
        try:
            await self.uses.ended()
            log.info("the tool server %s is no longer configured like this, and ends", self.config.key)
        finally:
            await self.aclose()

    async def settled(self) -> None:
        """Wait until the first attempt to start has succeeded or failed."""
        while self.state is State.STARTING:
            await self._moved.wait()

    def trouble(self) -> str | None:
        """Return one sentence about why the server is not usable now; None if it is."""
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

    def description(self) -> ServerState:
        """Return what operators may know about the server."""
        lasting = time.monotonic() - self._since
        trouble, words = self.trouble() or "", self._last_words
        return ServerState(self.config.key, str(self.state), len(self.tools), trouble, self._reason, words, lasting)

    def tool(self, remote_name: str) -> Tool | None:
        """Return a tool with its current definition, by the server's own name; None if there is none."""
        return next((known for known in self.tools if known.remote_name == remote_name), None)

    async def about(self) -> About | None:
        """Return what the server says of itself and offers beside tools; None if it does not run."""
        return None if self._session is None else await self._session.about()

    async def call(
        self, tool: Tool, arguments: JsonObject, *, entered: bool = False, dialogue: Dialogue | None = None
    ) -> CallResult:
        """Run one call. Raises nothing but CancelledError; cancellation asks the server to stop. `entered`: the caller
        already holds a place."""
        place = nullcontext() if entered else self.concurrency.place(self.config.call_seconds)
        return await self._timed(place, tool, arguments, dialogue=dialogue)

    async def call_for_guard(self, tool: Tool, arguments: JsonObject) -> CallResult:
        """Run a call of the server's guard. It needs no place among the calls, and its result is returned exactly as
        received."""
        place = self._guards_limit.place(self.config.call_seconds)
        return await self._timed(place, tool, arguments, whole=True)

    async def _timed(
        self,
        place: AbstractAsyncContextManager[None],
        tool: Tool,
        arguments: JsonObject,
        *,
        whole: bool = False,
        dialogue: Dialogue | None = None,
    ) -> CallResult:
        began = time.monotonic()
        try:
            with self.uses.one():
                async with place:
                    certainty, words = await self._call(tool, arguments, dialogue, whole=whole)
        except FullError:
            waited = f"{self.config.call_seconds:g} s"
            words = f"The tool server `{tool.server}` was busy for {waited}. The call was not sent."
            certainty = DeliveryStatus.UNSENT
        if certainty is DeliveryStatus.TASK:
            task = replace(server_tasks.loads(words), origin=self.config.origin).dumps()
            return CallResult(certainty, "", time.monotonic() - began, task=task)
        result = words if isinstance(words, ResultText) else ResultText(words)
        return result.outcome(certainty, time.monotonic() - began)

    async def _call(
        self, tool: Tool, arguments: JsonObject, dialogue: Dialogue | None, *, whole: bool
    ) -> tuple[DeliveryStatus, str]:
        try:
            arguments = text.sendable(arguments)
        except RecursionError:
            return DeliveryStatus.UNSENT, "The arguments are nested too deeply. The call was not sent."
        deadline = time.monotonic() + WAIT_SECONDS
        words = "The tool server is busy. The call was not sent."
        while True:
            session = await self.session_by(deadline)
            if session is None:
                trouble = self.trouble()
                return DeliveryStatus.UNSENT, f"{trouble} The call was not sent." if trouble else words
            if refusal := self._refusal(tool):
                return DeliveryStatus.UNSENT, refusal
            seconds = self.config.call_seconds
            certainty, words = await session.call(tool.remote_name, arguments, seconds, whole=whole, dialogue=dialogue)
            if session.unanswered >= MAX_UNANSWERED:
                self._upkeep.attention.set()
            # The connection ended before the call was written: nothing was sent, so it may use the next connection.
            if certainty is DeliveryStatus.UNSENT and session.ended:
                continue
            return certainty, words

    async def session_by(self, deadline: float) -> Session | None:
        """Return the connection, if there is one before the deadline; do not wait if none is to be expected."""
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
        """Return why a tool no longer has the definition that was approved; None if it does."""
        now = self.tool(tool.remote_name)
        if now is None:
            return f"The tool server `{tool.server}` no longer offers `{tool.remote_name}`. The call was not sent."
        if now.digest != tool.digest:
            return f"The definition of `{tool.name}` has changed since this call was made. The call was not sent."
        return None

    async def _own(self) -> None:
        """The owner task: maintains one connection after the other until it is cancelled."""
        deaths = 0
        try:
            # Importing the SDK takes 0.7 s; the bot opens its socket meanwhile.
            await asyncio.to_thread(self._load)
            while True:
                began = time.monotonic()
                self._reason = self.config.without_secrets(await self._serve())
                deaths = 1 if time.monotonic() - began > STABLE_SECONDS else deaths + 1
                pause = pause_after(deaths)
                self._retry_at = time.monotonic() + pause
                self._move(State.DOWN)
                said = f" Its last words: {self._last_words}." if self._last_words else ""
                log.warning("%s%s Restarting in %.1f s.", self.trouble(), said, pause)
                await asyncio.sleep(pause)
        finally:
            await self._transport.abandon()
            self._session = None
            self._move(State.STOPPED)

    def _load(self) -> None:
        """Load the transport. Runs in a thread."""
        importlib.import_module("bot.tools.mcp.session")
        self._transport.load()

    async def _serve(self) -> str:
        """Maintain one connection, with up to two attempts to open it. Return why it ended.

        A server that ends when it is asked for 2026-07-28 gets a second attempt with `initialize`, and the version that
        worked is remembered. If that stops working (the server was updated), both are tried again.
        """
        first = await self._serve_once(legacy=self._legacy)
        if first.was_up or not first.may_be_the_question or self.config.legacy:
            return first.ending.reason
        if self._legacy:
            self._legacy = False
            return first.ending.reason
        second = await self._serve_once(legacy=True)
        return second.ending.reason if second.was_up else first.ending.reason

    async def _serve_once(self, *, legacy: bool) -> ConnectionReport:
        """Connect, serve until the server ends, clean up."""
        from bot.tools.mcp import session as sdk  # noqa: PLC0415 - `_load` has imported it in a thread

        report = ConnectionReport()
        upkeep = self._upkeep = Upkeep(self.config.key, self._adopt)
        connection = self._transport.connection(upkeep.attention.set)
        trouble: Exception | None = None
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self.config.start_seconds):
                    session = await stack.enter_async_context(
                        sdk.connect(
                            connection,
                            self.config.key,
                            legacy=legacy,
                            on_change=upkeep.note_change,
                            with_tasks=self.with_tasks,
                            seconds=self.config.start_seconds + 1,  # so that the limit above is the one that counts
                        )
                    )
                    definitions = await session.definitions()
                report.was_up = True
                self._legacy = session.is_legacy
                await self._adopt(definitions)
                self._session = session
                self._move(State.UP)
                log.info("the tool server %s is up with %d tools", self.config.key, len(self.tools))
                watcher = asyncio.create_task(session.watch(upkeep.note_change))
                stack.callback(watcher.cancel)
                await upkeep.stay(session)
        except (
            Exception
        ) as problem:  # Whatever a server or the SDK raises, the owner has to survive and restart the server.
            trouble = problem
            if not isinstance(problem, OSError | ValueError | RuntimeError | ExceptionGroup | sdk.MCPError):
                log.exception("%s: unexpected error", self.config.key)
        finally:
            self._session = None
            report.conclude(connection, trouble)
            self._last_words = self.config.without_secrets(report.ending.last_words)
        return report

    async def _adopt(self, definitions: Sequence[Definition]) -> bool:
        """Replace the tools with those of the server's definitions. Return whether they are others than before."""
        # In a thread: a thousand tools take a second.
        tools = await asyncio.to_thread(offered_tools, self.config, definitions)
        self._definitions = definitions
        # The digest covers the rest of the definition, and comparing the schemas of a thousand tools would take long.
        if [(tool.digest, tool.title) for tool in tools] == [(tool.digest, tool.title) for tool in self.tools]:
            return False
        self.tools = tuple(tools)
        self._on_tools()
        return True

    def _move(self, state: State) -> None:
        if state is not self.state:
            self._since = time.monotonic()
        self.state = state
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self._on_state()
