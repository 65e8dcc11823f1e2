"""The stand-in for the filesystem server as a part of this process: what a process of it takes 30 ms of CPU for.

It is the same program (`tests/unit/tools/servers/filesystem.py`) behind a transport of its own. All other servers are
processes, and so is this one if it would end at its start.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import CodeType, TracebackType
from typing import Any, cast

import anyio
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from bot.tools.mcp.delivery import Deliveries
from bot.tools.mcp.hidden import Secrets
from bot.tools.mcp.jsonrpc import Lines, parsed
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.mcp.transports.registry import standard
from bot.tools.mcp.transports.stdio import StdioTransport
from bot.tools.mcp.transports.transport import Connection, Ending, Transport, Transports
from bot.tools.server_config import StdioServer
from tests import standin
from tests.extending.sockets import Sending
from tests.watch import outside


def near_transports(program: str) -> Transports:
    """Return the transports of a bot in this process. In: the file of the stand-in, as it is in a server's command."""
    reaper = ProcessReaper()

    def reach(server: StdioServer) -> Transport:
        transport = StdioTransport(server, reaper)
        return NearTransport(server, transport) if server.args[:1] == (program,) else transport

    return cast(Transports, {**standard(), StdioServer: reach})


class NearTransport:
    """Serves the files in this process, or leaves that to a process if there is no folder to serve."""

    def __init__(self, server: StdioServer, process: StdioTransport) -> None:
        self._server, self._process = server, process

    def load(self) -> None:
        self._process.load()

    async def launch(self) -> None:
        pass

    def connection(self, on_end: Callable[[], None]) -> Connection:
        program = _program(list(self._server.args[1:]))
        if program is None:
            return self._process.connection(on_end)
        return NearConnection(self._server.key, program, on_end)

    async def abandon(self) -> None:
        await self._process.abandon()

    async def aclose(self) -> None:
        await self._process.aclose()


class NearConnection:
    """One connection, to a server of its own."""

    def __init__(self, key: str, program: dict[str, Any], on_end: Callable[[], None]) -> None:
        self._program = program
        self._on_end = on_end
        self._deliveries = Deliveries(Secrets())
        self._lines = Lines(key)
        self._answers = asyncio.Queue[bytes]()
        self.ended = False

    def refusal(self, problem: BaseException) -> str | None:
        return None

    @property
    def ending(self) -> Ending:
        return Ending()

    async def __aenter__(self) -> TransportStreams:
        self._loop = asyncio.get_running_loop()
        self._inbox, self._read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._reading = asyncio.create_task(self._read())
        return self._read_stream, Sending(self)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if not self.ended:
            self.ended = True
            self._inbox.close()
            self._on_end()
        self._read_stream.close()
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def send(self, item: SessionMessage) -> None:
        """Take a message, which is as good as written to a pipe that has room."""
        if self.ended:
            raise anyio.ClosedResourceError
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        delivery = self._deliveries.sending(item.message)
        if delivery is not None:
            delivery.written = True
        message = json.loads(text)
        if "id" not in message or "method" not in message:
            return
        if self._program["waits"](message):
            threading.Thread(target=self._answer, args=(message,), daemon=True).start()
        else:
            # What the server takes is not the bot's time.
            self._loop.call_soon(self._answer, message, context=outside())

    def _answer(self, message: dict[str, Any]) -> None:
        answer = {**self._program["answer"](message), "jsonrpc": "2.0", "id": message["id"]}
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._answers.put_nowait, json.dumps(answer).encode() + b"\n")

    async def _read(self) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                for raw in self._lines.feed(await self._answers.get()):
                    if (message := parsed(raw)) is not None:
                        await self._inbox.send(SessionMessage(self._deliveries.received(message, len(raw))))


def _program(folders: list[str]) -> dict[str, Any] | None:
    """Return what the program defines, in a copy that serves these folders; None if none of them is there."""
    names: dict[str, Any] = {"__name__": "near_filesystem", "__file__": str(standin.PROGRAM)}
    exec(_code(), names)
    return names if names["allow"](folders) else None


@cache
def _code() -> CodeType:
    return compile(standin.PROGRAM.read_text(encoding="utf-8"), str(standin.PROGRAM), "exec", dont_inherit=True)
