"""One MCP server process and the pipes to it, as a transport of the MCP SDK.

The SDK's own `stdio_client` (mcp 2.3) hides four things that the bot must know, so this takes its place:
the process (to kill its tree within the bot's own shutdown time), the end of its output (that is how a death is
noticed), its stderr, and how far a request got: whether it was written decides between "certainly did not run" and
"outcome unknown". Framing and environment are the SDK's: one JSON message a line, `get_default_environment()`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import sys
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import anyio
from mcp.client._transport import TransportStreams
from mcp.client.stdio import get_default_environment
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.message import SessionMessage
from mcp_types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)

from bot.core.calls import JsonObject
from bot.tools.config import ServerConfig
from bot.tools.guard import Guard
from bot.tools.text import line, sendable

log = logging.getLogger(__name__)

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of one message. Parsing it blocks the loop (0.2 s for so much), and the model is shown 40 KB of it at most."""
STDERR_TAIL = 4096
"""Bytes of the server's stderr that are kept."""
EOF_SECONDS, TERM_SECONDS, KILL_SECONDS = 1.0, 0.5, 0.5
"""How long the server may take to end after its stdin was closed, after SIGTERM, after SIGKILL: 2 s together. The order
is the specification's (lifecycle: shutdown, stdio)."""

_CHUNK = 256 * 1024
_ID_WITHIN = 200
_ID = re.compile(rb'^\s*\{"jsonrpc":\s*"2\.0",\s*"id":\s*(\d+)|"id":\s*(\d+)\s*\}\s*$')
_SHORTEST_SECRET = 6


@dataclass(eq=False)
class Delivery:
    """How far one request got. It is put into `current_delivery` by whoever makes the request."""

    abandoned: bool = False
    """Nobody waits any more: if it is not written yet, it must not be."""
    written: bool = False
    """Its first byte may have reached the server."""
    reply: JsonObject | None = None
    """The `result` that the server answered, as it came."""
    refused: bool = False
    """The server answered with a protocol error."""


current_delivery: ContextVar[Delivery | None] = ContextVar("current_delivery", default=None)


class Child:
    """A server process. Enter starts it and gives the two streams that the SDK's `Client` wants; exit ends it."""

    def __init__(self, config: ServerConfig, guard: Guard, on_end: Callable[[], None]) -> None:
        """`on_end` is called once, as soon as the server's output ends: it died, or it will not be heard again."""
        self._config = config
        self._guard = guard
        self._on_end = on_end
        self._waiting: WeakValueDictionary[RequestId, Delivery] = WeakValueDictionary()
        self._stderr = bytearray()
        self._tasks: list[asyncio.Task[None]] = []
        self._outbox = _Outbox(self._waiting)
        self.key = config.key
        self.ended = False
        """The server will not be heard again."""
        self.exit_code: int | None = None
        """How the process ended when it did so by itself; negative for a signal."""

    async def __aenter__(self) -> TransportStreams:
        """Start the process. Raises OSError when the command cannot be run, ValueError for one that cannot exist."""
        loop = asyncio.get_running_loop()
        self._transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=_CHUNK, loop=loop),
            self._config.command,
            *self._config.args,
            env=get_default_environment() | dict(self._config.env),
            cwd=self._config.cwd,
            start_new_session=True,  # its own process group, which is how the whole tree can be killed
        )
        self._process = Process(self._transport, protocol, loop)
        self._guard.watch(self._process.pid)
        # No room in between: a server that floods us is held back by its own pipe.
        self._inbox, self._inbox_out = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._tasks = [asyncio.create_task(work()) for work in (self._read, self._write, self._read_stderr)]
        return self._inbox_out, self._outbox

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        """End the process and its descendants in at most 2 s, also when the task was cancelled."""
        with anyio.CancelScope(shield=True):
            await self._stop()

    def last_words(self) -> str:
        """The last line of stderr, short, without the secrets of its own environment; empty when it said nothing."""
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        return line(self._masked(lines[-1])) if lines else ""

    def stderr_tail(self) -> str:
        """The last 4 KB of stderr, without the secrets of its own environment: for the log."""
        return self._masked(self._stderr.decode("utf-8", "replace").strip())

    def _masked(self, text: str) -> str:
        for value in self._config.env.values():
            if len(value) >= _SHORTEST_SECRET:
                text = text.replace(value, "***")
        return text

    async def _read(self) -> None:
        """Take in messages until the output ends; only new bytes are searched for a line's end, so this is linear."""
        stdout = self._process.stdout
        assert stdout is not None
        parts: list[bytes] = []
        size = 0
        try:
            while data := await stdout.read(_CHUNK):
                *ends, rest = data.split(b"\n")
                for end in ends:
                    raw = b"".join((*parts, end))
                    await self._take_in(raw if size <= LONGEST_LINE else _too_big(raw, size + len(end), self.key))
                    parts.clear()
                    size = 0
                parts.append(rest)
                size += len(rest)
                if size > LONGEST_LINE:
                    # Of what is too big its begin and its end are kept: one of them names the request.
                    raw = b"".join(parts)
                    parts = [raw[:_ID_WITHIN], raw[-_ID_WITHIN:]]
        except OSError as problem:
            log.warning("reading from %s failed: %s", self.key, problem)
        finally:
            self._end()
            # A server that is being stopped may still have much to say, and must not hang on a full pipe.
            with suppress(OSError):
                while await stdout.read(_CHUNK):
                    pass

    async def _take_in(self, raw: bytes) -> None:
        message = _parsed(raw)
        if message is None:
            if raw.strip():
                log.warning("%s wrote something to stdout that is no MCP message", self.key)
            return
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            delivery = self._waiting.get(coerce_request_id(message.id))
            if delivery is not None and isinstance(message, JSONRPCResponse):
                delivery.reply = message.result
            elif delivery is not None:
                delivery.refused = True
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._inbox.send(SessionMessage(message))

    async def _write(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            while True:
                data, delivery = await self._outbox.next()
                if delivery is not None:
                    if delivery.abandoned:
                        continue
                    delivery.written = True
                stdin.write(data)
                await stdin.drain()
        except OSError:
            # The server no longer listens. It may still live, but a request that it cannot read must not wait for it.
            self._end()

    async def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        with suppress(OSError):
            while data := await stderr.read(_CHUNK):
                self._stderr += data
                del self._stderr[:-STDERR_TAIL]

    def _end(self) -> None:
        """No message will come or go any more; wakes every call that waits (the SDK sees its stream end)."""
        if not self.ended:
            self.ended = True
            self._outbox.closed = True
            self._inbox.close()
            self._on_end()

    async def _stop(self) -> None:
        died = self.ended
        self._end()
        self._inbox_out.close()
        reader, writer, stderr_reader = self._tasks
        writer.cancel()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if await self._exits_within(EOF_SECONDS):
            self.exit_code = self._process.returncode if died else None
        else:
            self._kill(signal.SIGTERM)
            if not await self._exits_within(TERM_SECONDS):
                self._kill(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
                if not await self._exits_within(KILL_SECONDS):
                    log.error("%s (process %d) cannot be killed", self.key, self._process.pid)
        # Whatever the server left behind in its process group.
        self._kill(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        self._guard.forget(self._process.pid)
        # Let the last of stderr in, then stop reading: a descendant that left the group may hold the pipes open.
        await asyncio.wait([stderr_reader, reader], timeout=0.1)
        self._transport.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _exits_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
        return self._process.returncode is not None

    def _kill(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._transport.kill()
            else:
                os.killpg(self._process.pid, number)


class _Outbox:
    """The stream the SDK writes to. It never makes its caller wait: a message waits here until the pipe has room, and
    is dropped if its caller gives up before that. So a call that was never written is known as such."""

    def __init__(self, waiting: WeakValueDictionary[RequestId, Delivery]) -> None:
        self._waiting = waiting
        self._messages: deque[tuple[bytes, Delivery | None]] = deque()
        self._filled = asyncio.Event()
        self.closed = False

    async def send(self, item: SessionMessage, /) -> None:
        """Queue a message. Raises ValueError here, in the task of its caller, when it cannot be written as JSON."""
        if self.closed:
            raise anyio.ClosedResourceError
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        delivery = None
        if isinstance(item.message, JSONRPCRequest):
            delivery = current_delivery.get()
            if delivery is not None:
                self._waiting[coerce_request_id(item.message.id)] = delivery
        self._messages.append((text.encode() + b"\n", delivery))
        self._filled.set()

    async def next(self) -> tuple[bytes, Delivery | None]:
        """The next message, when there is one."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return self._messages.popleft()

    async def aclose(self) -> None:
        """Take no more messages."""
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


def _too_big(raw: bytes, size: int, key: str) -> bytes:
    """The answer in the place of one that is too big: it ran, so its caller must not wait and must not try again."""
    log.warning("%s sent a message of %d bytes, which is too big", key, size)
    found = _ID.search(raw)
    if found is None:
        return b""
    words = f"The tool ran, but its result of {size:,} bytes is too big to be taken in. Ask for less of it."
    result = {"content": [{"type": "text", "text": words}], "isError": True}
    return json.dumps({"jsonrpc": "2.0", "id": int(found[1] or found[2]), "result": result}).encode()


def _parsed(raw: bytes) -> JSONRPCMessage | None:
    """The message in one line of output; None when there is none.

    What the SDK's parser refuses is looked at once more, for otherwise a reply is lost and its call waits in vain:
    bytes that are not UTF-8 become U+FFFD; so does half an emoji, which JavaScript writes as a lone surrogate; and a
    progress mark that was printed without a line break is skipped.
    """
    with suppress(ValueError):
        return jsonrpc_message_adapter.validate_json(raw, by_name=False)
    text = raw.decode("utf-8", "replace")
    begin = text.find("{")
    if begin < 0:
        return None
    try:
        return jsonrpc_message_adapter.validate_python(sendable(json.loads(text[begin:])), by_name=False)
    except (ValueError, RecursionError):
        return None
