"""A proxy in front of a tool server over HTTP that breaks on command, as networks, gateways and servers do.

Each request is passed on over a connection of its own. While a fault is on, requests whose body contains `only` meet
it; all others are passed on.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Final, Literal, Self, get_args

Kind = Literal["refused", "reset", "garbage", "401", "404", "503", "html", "cut_off", "slow", "silent"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SLOW_SECONDS: Final = 0.2
"""How long `slow` keeps a request."""

_SAID: Final[dict[Kind, bytes]] = {
    "garbage": b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    "401": b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    "503": b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy",
    "html": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>",
    "cut_off": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n: going on\n\n",
}
"""What a client gets from the proxy instead of the server's answer."""


class BreakingProxy:
    """Listens on a port of its own. Use it with `async with`."""

    def __init__(self, target: int) -> None:
        """In: the port of the server on this machine."""
        self.target = target
        self.port = 0
        self.fault: Kind | None = None
        self.only = b""
        self.times: int | None = None
        self.met = 0
        """Requests that have met a fault."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self._refuse()
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def break_with(self, kind: Kind | None, only: bytes = b"", *, times: int | None = None) -> None:
        """Begin with a fault, for so many requests or until it is ended with None. `refused` is for everybody: the
        port is closed meanwhile."""
        self.fault, self.only, self.times = kind, only, times
        if kind == "refused":
            self._refuse()
        else:
            await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._exchange(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        fault = self.fault if self.only in body and self.times != 0 else None
        if fault is not None:
            self.met += 1
            self.times = None if self.times is None else self.times - 1
        match fault:
            case "reset":
                # No time to linger: the system sends a reset instead of closing the connection in good order.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return
            case "silent":
                await reader.read()  # until the client gives up
                return
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
            case "cut_off":
                await self._served(head, body, None)  # the server does what it was asked for
            case _:
                pass
        if fault is not None and (said := _SAID.get(fault)) is not None:
            writer.write(said)
            await writer.drain()
            return
        await self._served(head, body, writer)

    async def _served(self, head: bytes, body: bytes, writer: asyncio.StreamWriter | None) -> None:
        """Pass a request on, and what the server answers."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            to_server.write(head + body)
            while part := await from_server.read(65_536):
                if writer is not None:
                    writer.write(part)
                    await writer.drain()
        finally:
            to_server.close()
