"""A transport of MCP that the bot does not have: servers that listen at a Unix socket. It uses what `bot` offers and
touches nothing of it, and is as long as a new transport need be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import anyio
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from bot.tools.mcp.delivery import Deliveries
from bot.tools.mcp.hidden import Secrets
from bot.tools.mcp.jsonrpc import Lines, parsed
from bot.tools.mcp.transports.transport import Ending
from bot.tools.server_config import ServerConfig


@dataclass(frozen=True, slots=True)
class SocketServer(ServerConfig):
    """A server that somebody else runs and that listens at a socket."""

    path: Path

    def identity(self) -> Sequence[object]:
        return (self.key, str(self.path), self.trusted)


class SocketTransport:
    """Reaches one server: there is nothing to start, and nothing is shared with other servers."""

    def __init__(self, server: SocketServer) -> None:
        self._server = server

    def load(self) -> None:
        pass

    async def launch(self) -> None:
        pass

    def connection(self, on_end: Callable[[], None]) -> SocketConnection:
        return SocketConnection(self._server, on_end)

    async def abandon(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class SocketConnection:
    """One connection to the socket."""

    def __init__(self, server: SocketServer, on_end: Callable[[], None]) -> None:
        self._server = server
        self._on_end = on_end
        self._deliveries = Deliveries(Secrets(server.credentials()))
        self._reading: asyncio.Task[None] | None = None
        self._hung_up = False
        self.ended = False

    def refusal(self, problem: BaseException) -> str | None:
        return "nobody listens at its socket" if isinstance(problem, FileNotFoundError | ConnectionError) else None

    @property
    def ending(self) -> Ending:
        return Ending("it has hung up") if self._hung_up else Ending()

    async def __aenter__(self) -> TransportStreams:
        self._reader, self._writer = await asyncio.open_unix_connection(str(self._server.path))
        self._inbox, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._read_stream = read
        self._reading = asyncio.create_task(self._read())
        return read, Sending(self)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self._hung_up = self.ended
        self._end()
        self._read_stream.close()
        self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def drop(self) -> None:
        """Lose the connection, as when a network fails."""
        self._writer.close()

    async def send(self, item: SessionMessage) -> None:
        """Write a message, and note whether that has begun."""
        if self.ended:
            raise anyio.ClosedResourceError
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        delivery = self._deliveries.sending(item.message)
        if self._reader.at_eof() or self._writer.is_closing():
            self._end()  # the server has hung up, so nothing of this reaches it
            return
        if delivery is not None:
            delivery.written = True
        self._writer.write(text.encode() + b"\n")
        with suppress(ConnectionError):
            await self._writer.drain()

    async def _read(self) -> None:
        lines = Lines(self._server.key)
        with suppress(ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while data := await self._reader.read(65536):
                for raw in lines.feed(data):
                    if (message := parsed(raw)) is not None:
                        await self._inbox.send(SessionMessage(self._deliveries.received(message, len(raw))))
        self._end()

    def _end(self) -> None:
        if not self.ended:
            self.ended = True
            self._inbox.close()
            self._on_end()


class Sends(Protocol):
    """What a message can be given to."""

    async def send(self, item: SessionMessage, /) -> None: ...


class Sending:
    """The stream that the SDK writes to."""

    def __init__(self, connection: Sends) -> None:
        self._connection = connection

    async def send(self, item: SessionMessage, /) -> None:
        await self._connection.send(item)

    async def aclose(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        pass
