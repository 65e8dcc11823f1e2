"""A server to which each person signs in: a session, an HTTP client and credentials of their own for each of them,
opened for a call and closed once it is idle.

The tools that are offered are those that were listed last, over anybody's session, and one with which to sign in: at
first there are no others. A call is sent only if the session of its own person has the tool as it was offered.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from bot.core.json_text import JsonObject, sha256
from bot.core.ports.identities import Credentials
from bot.core.server_state import ServerState
from bot.core.tools import CallResult, DeliveryStatus, Dialogue, Tool
from bot.core.untrusted import items, mapping, parsed
from bot.errors import SignInError
from bot.tools.mcp import names
from bot.tools.mcp.concurrency_limit import ConcurrencyLimit
from bot.tools.mcp.offered_tools import offered_tools
from bot.tools.mcp.person_credentials import PersonCredentials
from bot.tools.mcp.person_session import PersonSession
from bot.tools.mcp.server import Server
from bot.tools.mcp.server_state import State
from bot.tools.mcp.transports.transport import Transport
from bot.tools.server_config import HttpServer

if TYPE_CHECKING:
    from bot.tools.mcp.definitions import Definition
    from bot.tools.mcp.session import Session

IDLE_SECONDS = 600.0
"""A session that nobody has used for so long is closed."""
MAX_SESSIONS = 100
"""Sessions that are open at the same time, of one server."""
CONNECT = "connect"
"""The name of the tool with which to sign in, unless the server has one of this name."""
ABOUT_CONNECT = (
    "Connects to {server} with the account of the person who asks, who signs in if necessary. Its other tools are "
    "available afterwards."
)

TransportOf = Callable[[HttpServer], Transport]


class PersonServer(Server):
    """The sessions of all people with one server."""

    def __init__(
        self,
        config: HttpServer,
        transport: Transport,
        transport_of: TransportOf,
        on_tools: Callable[[], None],
        on_state: Callable[[], None] = lambda: None,
    ) -> None:
        """In: the transport that is not used, and what makes one for a person."""
        super().__init__(config, transport, on_tools, on_state)
        self.concurrency = ConcurrencyLimit(config.calls_at_once * MAX_SESSIONS)
        self.credentials: Credentials | None = None
        """Whose people may use the server; nobody's before it is set."""
        self._person_config = config
        self._transport_of = transport_of
        self._sessions: dict[str, PersonSession] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._definition_of: dict[str, Definition] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        self.tools = (connect_tool(config),)

    async def launch(self) -> None:
        """Do nothing: there is nothing to start before somebody makes a call."""

    def start(self) -> None:
        """Read which tools were listed last."""
        self._move(State.STARTING)
        self._reading = asyncio.create_task(self._read())

    async def aclose(self) -> None:
        """Close all sessions."""
        if self._timer is not None:
            self._timer.cancel()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        for person in [*self._sessions]:
            self._close(person)
        if self._closing:
            await asyncio.wait(self._closing)
        self._move(State.STOPPED)

    def trouble(self) -> str | None:
        """Return one sentence if it was stopped; else None, as whether it can be used depends on the person."""
        return super().trouble() if self.state is State.STOPPED else None

    def description(self) -> ServerState:
        """Return what operators may know about it."""
        found = super().description()
        open_ones = [each.last_error for each in self._sessions.values() if each.last_error]
        return replace(found, last_error=open_ones[-1] if open_ones else "")

    async def call(
        self, tool: Tool, arguments: JsonObject, *, entered: bool = False, dialogue: Dialogue | None = None
    ) -> CallResult:
        """Run one call with the account of its person."""
        if self.state is State.STARTING:
            await self.settled()
        person, credentials = tool.person, self.credentials
        if not person or credentials is None:
            words = f"The tool server `{tool.server}` is used with people's own accounts only. The call was not sent."
            return CallResult(DeliveryStatus.UNSENT, words, 0.0)
        try:
            await credentials.header(self.config.key, person)
        except SignInError as problem:
            return CallResult(DeliveryStatus.UNSENT, f"{problem} The call was not sent.", 0.0)
        session = self._session_of(person)
        if session is None:
            words = f"The tool server `{tool.server}` is busy with other people's calls. The call was not sent."
            return CallResult(DeliveryStatus.UNSENT, words, 0.0)
        with self.uses.one(), self._used(session):
            if tool.remote_name == CONNECT and tool.digest == self._connect.digest:
                result = await self._connected(session)
            else:
                result = await session.call(tool, arguments, dialogue=dialogue)
        if result.certainty is DeliveryStatus.UNSENT and session.state is not State.UP:
            self._close(person, session)  # the next call opens another one instead of waiting for it
            result = replace(result, denied=result.denied or session.denied)
        elif result.certainty is DeliveryStatus.UNSENT and session.has_otherwise(tool):
            await session.offer()  # what this person has: the call can be made again
        return result

    @contextmanager
    def _used(self, session: PersonSession) -> Generator[None]:
        """Keep a session from being closed as idle, or for another person's."""
        session.calls += 1
        session.idle.clear()
        try:
            yield
        finally:
            session.calls -= 1
            if not session.calls:
                session.idle.set()
            session.used = time.monotonic()
            self._tidy_later()

    @asynccontextmanager
    async def session_of(self, person: str, deadline: float) -> AsyncGenerator[Session | None]:
        """Give the connection of somebody who has signed in, if there is one before the deadline, for as long as it is
        used. Raises SignInError."""
        if person and self.credentials is not None:
            await self.credentials.header(self.config.key, person)
        session = self._session_of(person) if person and self.credentials is not None else None
        if session is None:
            yield None
            return
        with self._used(session):
            found = await session.session_by(deadline)
            if found is None:
                self._close(person, session)  # the next use opens another one instead of waiting for it
            yield found

    def limit_of(self, person: str) -> ConcurrencyLimit:
        """Return what limits the calls of a person."""
        return (self._sessions.get(person) or self).concurrency

    async def ended(self, person: str) -> None:
        """Use the session of a person no more: they have signed out. Their calls under way go on."""
        session = self._sessions.pop(person, None)
        if session is not None:
            self._begin_closing(session, at_once=session.state is not State.UP)

    @property
    def _connect(self) -> Tool:
        return connect_tool(self._person_config)

    async def _connected(self, session: PersonSession) -> CallResult:
        began = time.monotonic()
        await session.settled()
        seconds = time.monotonic() - began
        if session.state is not State.UP:
            return CallResult(DeliveryStatus.UNSENT, f"{session.trouble()} The call was not sent.", seconds)
        known = ", ".join(tool.name for tool in session.tools)
        words = (
            f"Connected. These tools are available from now on: {known}." if known else "Connected. It has no tools."
        )
        return CallResult(DeliveryStatus.OK, words, seconds)

    def _session_of(self, person: str) -> PersonSession | None:
        """Return the session of a person, which is opened if there is none; None if too many others are busy."""
        session = self._sessions.get(person)
        if session is None:
            if len(self._sessions) >= MAX_SESSIONS:
                idle = [who for who, each in self._sessions.items() if not each.calls]
                if not idle:
                    return None
                self._close(min(idle, key=lambda who: self._sessions[who].used))
            assert self.credentials is not None
            authorization = PersonCredentials(self.credentials, self.config.key, person)
            config = replace(self._person_config, authorization=authorization)
            session = self._sessions[person] = PersonSession(config, self._transport_of(config), self._listed)
            authorization.on_denied = session.deny
            session.start()
        session.used = time.monotonic()
        return session

    def _close(self, person: str, session: PersonSession | None = None) -> None:
        """Close the session of a person at once, if it is still this one."""
        found = self._sessions.get(person)
        if found is not None and session in (None, found):
            del self._sessions[person]
            self._begin_closing(found, at_once=True)

    def _begin_closing(self, session: PersonSession, *, at_once: bool = False) -> None:
        task = asyncio.create_task(session.close_when_idle(at_once=at_once))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _tidy_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._tidy)

    def _tidy(self) -> None:
        """Close the sessions that nobody uses."""
        self._timer = None
        oldest = time.monotonic() - IDLE_SECONDS
        for person, session in [*self._sessions.items()]:
            if not session.calls and session.used <= oldest:
                self._close(person)
        if self._sessions:
            self._tidy_later()

    async def _read(self) -> None:
        """Read the tools that were listed last."""
        try:
            if self.credentials is not None:
                await asyncio.to_thread(__import__, "bot.tools.mcp.session")
                body = await self.credentials.listed_tools(self.config.key, self.config.origin)
                await self._offer(_loads(body))
        finally:
            if self.state is State.STARTING:
                self._move(State.UP)

    async def _listed(self, definitions: Sequence[Definition]) -> None:
        """Take in the tools of a person's session, and keep them. Those that only another open session has stay."""
        listed = {each.name: each for each in definitions}
        elsewhere = {name for each in self._sessions.values() for name in each.names}
        kept = {name: each for name, each in self._definition_of.items() if name in elsewhere and name not in listed}
        merged = {**kept, **listed}
        if merged != self._definition_of:
            await self._offer(merged)
            if self.credentials is not None:
                body = json.dumps([asdict(each) for each in merged.values()])
                await self.credentials.keep_tools(self.config.key, self.config.origin, body)

    async def _offer(self, definitions: dict[str, Definition]) -> None:
        self._definition_of = definitions
        tools = await asyncio.to_thread(offered_tools, self._person_config, [*definitions.values()])
        connect = [] if CONNECT in definitions else [self._connect]
        self.tools = tuple(sorted([*tools, *connect], key=lambda tool: tool.name))
        self._on_tools()


def connect_tool(config: HttpServer) -> Tool:
    """Return the tool with which to sign in."""
    schema = {"type": "object", "properties": {}}
    return Tool(
        name=f"{names.prefix(config.key)}{names.SEPARATOR}{CONNECT}",
        server=config.key,
        remote_name=CONNECT,
        description=ABOUT_CONNECT.format(server=config.key),
        schema=schema,
        parameters=schema,
        trusted=True,
        read_only=True,
        destructive=False,
        idempotent=True,
        digest=sha256(config.origin, CONNECT),
        title=f"Connect to {config.key}",
        audience=config.audience,
        identity=config.account,
    )


def _loads(body: str) -> dict[str, Definition]:
    """Return the definitions that were kept."""
    from bot.tools.mcp.definitions import Definition  # noqa: PLC0415 - `_read` has imported it in a thread

    found: dict[str, Definition] = {}
    for each in items(parsed(body)):
        try:
            definition = Definition(**mapping(each))
        except TypeError:  # kept by another version
            continue
        found[definition.name] = definition
    return found
