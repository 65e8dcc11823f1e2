"""Reads a reply from the response of a request, without blocking the event loop or waking it for each token."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from bot.core.ports.model import TextListener
from bot.core.untrusted import MAX_VALUES, count_values
from bot.model.error_objects import BrokenReply
from bot.model.sse import MAX_LINE_BYTES, EventReader
from bot.model.stream_accumulator import Accumulator
from bot.model.watchdog import Watchdog
from bot.pace import Pace

if TYPE_CHECKING:
    import httpx2

    from bot.model.client import Client

# A model sends up to a hundred pieces a second, each of which would wake the process. So after a piece that had to be
# waited for, nothing is read for a pause that is too short for readers to notice; it may be longer in a long reply.
CALLS_SECONDS = 0.05
"""The initial pause in a reply with tool calls, which are short."""
WORDS_SECONDS = 0.08
"""The initial pause in a reply with text."""
GROWTH = 0.5
"""The pause grows by this fraction of the time since the reply started."""
MAX_INTERVAL = 0.25
LAST_SECONDS = 0.02
"""The pause when only the end of the stream is outstanding."""
SLICE: Final = 64 * 1024
"""Bytes of a reply that are parsed before the event loop may run other tasks."""
_AFTER_DONE: Final = 0.25
"""Seconds to wait for the end of the response after [DONE], so that the connection can be reused."""


_raw_decode: Final = json.JSONDecoder().raw_decode


def _parsed(text: str) -> Any:
    """Parse JSON text without white space around it, like `json.loads`, in half the time for the pieces of a stream.
    Raises ValueError and RecursionError."""
    value, end = _raw_decode(text)
    if end != len(text):
        raise ValueError(f"something follows the value at {end}")
    return value


class Listener:
    """Passes the events of one attempt to the accumulator, the watchdog and `on_text`."""

    def __init__(self, got: Accumulator, watchdog: Watchdog, on_text: TextListener | None) -> None:
        self.got = got
        self._watchdog = watchdog
        self._on_text = on_text
        self._began = 0.0
        self.done = False
        """Whether [DONE] was received."""

    def handle(self, data: bytes) -> None:
        """Process the data of one event. Raises BrokenReply if it is not a chunk."""
        if data.strip() == b"[DONE]":
            self.done = True
            self._watchdog.shorten(_AFTER_DONE)
            return
        try:
            small = len(data) <= MAX_VALUES or count_values(data) <= MAX_VALUES
            chunk = _parsed(str(data, "utf-8").strip()) if small else None
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise BrokenReply(f"not a chunk of a completion: {len(data)} bytes beginning with {data[:40]!r}")
        text = self.got.add(chunk)
        if self.got.error is not None:
            # What it has cost may follow the error.
            self._watchdog.shorten(_AFTER_DONE)
            return
        if text is None:
            return
        self._watchdog.reset()
        if self.got.withdrawn:
            self.got.withdrawn = False
            if self._on_text is not None:
                self._on_text.restart()
        if text and self._on_text is not None:
            self._on_text.add(text)

    def pause(self) -> float:
        """Return for how many seconds to read nothing after a piece (see CALLS_SECONDS and the constants below it)."""
        if self.done or self.got.error is not None:
            return 0.0
        if self.got.finish_reason is not None:
            return LAST_SECONDS
        now = time.monotonic()
        self._began = self._began or now
        shortest = CALLS_SECONDS if self.got.calls else WORDS_SECONDS
        return min(MAX_INTERVAL, shortest + GROWTH * (now - self._began))


async def read(client: Client, body: bytes, listener: Listener) -> None:
    """Send the request and pass its events to the listener until the response ends."""
    from bot.model.client import pieces  # noqa: PLC0415 - loads openai, which is slow

    reader, pace = EventReader(), Pace()
    response = await client.send_chat(body)
    try:
        if "text/event-stream" in response.headers.get("content-type", ""):
            async for piece in pieces(response, listener.pause):
                await _feed(reader, piece, listener, pace)
        elif (content := await _whole(response)).lstrip().startswith((b"data:", b":")):
            await _feed(reader, content, listener, pace)
        else:
            listener.handle(content)
        for data in reader.finish():
            listener.handle(data)
        listener.got.end(done=listener.done)
    finally:
        await response.aclose()


async def _feed(reader: EventReader, piece: bytes, listener: Listener, pace: Pace) -> None:
    """Parse a piece of any size without blocking the event loop.

    Parsing 10 MB of short lines takes a second, and a compressed piece may expand a thousandfold.
    """
    for start in range(0, len(piece), SLICE):
        for data in reader.feed(piece[start : start + SLICE]):
            listener.handle(data)
            await pace.checkpoint()
        await pace.checkpoint()


async def _whole(response: httpx2.Response) -> bytes:
    """Read a body that is not a stream. Raises BrokenReply if it is too long."""
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MAX_LINE_BYTES:
            raise BrokenReply(f"more than {MAX_LINE_BYTES:,} bytes in one piece")
    return bytes(content)
