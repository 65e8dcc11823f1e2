"""A server of tools that ask for input, made with the SDK, as a part of this process. It speaks both eras."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import anyio
import mcp_types as types
from mcp.client._transport import TransportStreams
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import UrlElicitationRequiredError
from mcp.shared.message import SessionMessage
from pydantic import BaseModel, Field

from bot.tools.mcp.delivery import Deliveries
from bot.tools.mcp.hidden import Secrets
from bot.tools.mcp.jsonrpc import parsed
from bot.tools.mcp.transports.transport import Ending
from bot.tools.server_config import ServerConfig
from tests.extending.sockets import Sending

SCHEMA = {
    "type": "object",
    "properties": {
        "guests": {"type": "integer", "title": "Guests", "minimum": 1, "maximum": 8, "default": 2},
        "seat": {"type": "string", "oneOf": [{"const": "in", "title": "Inside"}, {"const": "out", "title": "Outside"}]},
        "note": {"type": "string", "maxLength": 20},
        "dishes": {"type": "array", "items": {"type": "string", "enum": ["soup", "rice", "cake"]}, "maxItems": 2},
        "vip": {"type": "boolean", "default": False},
    },
    "required": ["guests"],
}
PAGE = "https://pay.example.com/start?order=7"


class Wanted(BaseModel):
    """What `chat` wants to know."""

    colour: str = Field(max_length=10)


@dataclass
class Asking:
    """The server, and what it has been sent."""

    answers: list[Any] = field(default_factory=list[Any])
    """The responses with which calls were made again, with the state."""
    calls: list[str] = field(default_factory=list[str])
    """The names of the tools that were called, each time."""
    seen: list[str] = field(default_factory=list[str])
    """The actions that the server got over open connections."""
    paid: bool = False
    run_on: asyncio.Event = field(default_factory=asyncio.Event)
    remembers: bool = True
    """Whether it is the same server after a new connection: the SDK's own key of `requestState` goes with a server."""
    _made: MCPServer | None = None

    def server(self) -> MCPServer:
        """Return the server of a connection."""
        if self._made is not None and self.remembers:
            return self._made
        made = self._made = MCPServer("asking")

        @made.tool()
        async def book(day: str, context: Context) -> Any:
            """Book a table."""
            self.calls.append("book")
            if context.input_responses is None:
                asked = types.ElicitRequestFormParams(message=f"A table for {day} <!channel>", requested_schema=SCHEMA)
                request = types.ElicitRequest(params=asked)
                return types.InputRequiredResult(input_requests={"table": request}, request_state="state-1")
            answer = context.input_responses["table"]
            self.answers.append((answer.model_dump(exclude_none=True, exclude={"meta"}), context.request_state))
            return f"Booked: {answer.action}"  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]

        @made.tool()
        async def two(context: Context) -> Any:
            """Ask for two things at once."""
            self.calls.append("two")
            if context.input_responses is None:
                forms = [
                    types.ElicitRequestFormParams(
                        message=f"The {each} one?",
                        requested_schema={
                            "type": "object",
                            "properties": {"it": {"type": "string"}},
                            "required": ["it"],
                        },
                    )
                    for each in ("first", "other")
                ]
                requests: dict[str, types.InputRequest] = {
                    name: types.ElicitRequest(params=form) for name, form in zip("ab", forms, strict=True)
                }
                return types.InputRequiredResult(input_requests=requests)
            self.answers.append(
                {
                    key: each.model_dump(exclude_none=True, exclude={"meta"})
                    for key, each in context.input_responses.items()
                }
            )
            return "both"

        @made.tool()
        async def pay(context: Context) -> Any:
            """Have a page opened."""
            self.calls.append("pay")
            if context.input_responses is None:
                asked = types.ElicitRequestURLParams(message="Please pay first.", url=PAGE)
                return types.InputRequiredResult(input_requests={"page": types.ElicitRequest(params=asked)})
            self.answers.append(context.input_responses["page"].model_dump(exclude_none=True, exclude={"meta"}))
            return "Paid"

        @made.tool()
        async def chat(context: Context) -> str:
            """Ask over an open connection."""
            self.calls.append("chat")
            try:
                found = await context.elicit("Which colour?", Wanted)
            except asyncio.CancelledError:
                self.seen.append("cancelled")
                raise
            self.seen.append(found.action)
            self.answers.append(found.data.model_dump() if found.action == "accept" else found.action)
            return f"chose {found.action}"

        @made.tool()
        async def press(times: int, context: Context) -> str:
            """Ask many things at once over an open connection."""
            self.calls.append("press")
            found = await asyncio.gather(*(context.elicit(f"Number {each}?", Wanted) for each in range(times)))
            self.seen += [each.action for each in found]
            return " ".join(each.action for each in found)

        @made.tool()
        async def linger() -> str:
            """Take long."""
            await self.run_on.wait()
            return "lingered"

        @made.tool()
        async def blocked() -> str:
            """Fail until a page was opened (2025-11-25)."""
            self.calls.append("blocked")
            if not self.paid:
                page = types.ElicitRequestURLParams(message="Sign the terms.", url=PAGE, elicitation_id="e1")
                raise UrlElicitationRequiredError([page])
            return "unblocked"

        return made


@dataclass(frozen=True, slots=True)
class AskingServer(ServerConfig):
    """Its configuration."""

    asking: Asking = field(default_factory=Asking, compare=False)

    def identity(self) -> Sequence[object]:
        return (self.key,)


class AskingTransport:
    """Reaches it."""

    def __init__(self, server: AskingServer) -> None:
        self._server = server

    def load(self) -> None: ...

    async def launch(self) -> None: ...

    def connection(self, on_end: Callable[[], None]) -> AskingConnection:
        return AskingConnection(self._server, on_end)

    async def abandon(self) -> None: ...

    async def aclose(self) -> None: ...


class AskingConnection:
    """One connection, to a server of its own."""

    def __init__(self, server: AskingServer, on_end: Callable[[], None]) -> None:
        self._server, self._on_end = server, on_end
        self._deliveries = Deliveries(Secrets(server.credentials()))
        self._tasks: list[asyncio.Task[None]] = []
        self.ended = False

    def refusal(self, problem: BaseException) -> str | None:
        return None

    @property
    def ending(self) -> Ending:
        return Ending()

    async def __aenter__(self) -> TransportStreams:
        self._inbox, self._read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._to, there = anyio.create_memory_object_stream[SessionMessage | Exception](100)
        back, self._back = anyio.create_memory_object_stream[SessionMessage](100)
        lowlevel = self._server.asking.server()._lowlevel_server  # pyright: ignore[reportPrivateUsage]
        options = lowlevel.create_initialization_options(NotificationOptions(prompts_changed=True))
        self._start(lowlevel.run(there, back, options))
        self._start(self._receive())
        return self._read, Sending(self)

    def _start(self, work: Awaitable[None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))  # pyright: ignore[reportArgumentType]

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if not self.ended:
            self.ended = True
            self._inbox.close()
            self._on_end()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for stream in (self._read, self._to, self._back):
            stream.close()

    async def send(self, item: SessionMessage) -> None:
        """Take a message."""
        if self.ended:
            raise anyio.ClosedResourceError
        if (delivery := self._deliveries.sending(item.message)) is not None:
            delivery.written = True
        raw = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        if (message := parsed(raw)) is not None:
            await self._to.send(SessionMessage(message))

    async def _receive(self) -> None:
        async for item in self._back:
            raw = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()
            if (message := parsed(raw)) is not None:
                await self._inbox.send(SessionMessage(self._deliveries.received(message, len(raw))))
