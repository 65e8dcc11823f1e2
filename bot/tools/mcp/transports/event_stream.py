"""Parses a stream of server-sent events, in linear time and bounded memory (HTML standard, section 9.2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.tools.mcp.jsonrpc import ID_WITHIN, MAX_LINE_BYTES

MAX_ID_LENGTH = 1000
"""Characters of an event's id, which is sent back in a header."""
MAX_RETRY_SECONDS = 30.0

_END = re.compile(rb"\r\n|\r|\n")
_ID = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    kind: str
    """`message` unless the server names another."""
    data: bytes
    """The data; only its beginning and its end if there is more of it than a message may have."""
    size: int
    """The number of bytes of the data."""


class EventStream:
    """Joins chunks of a response into events, and remembers what is needed to resume the stream."""

    def __init__(self) -> None:
        self.last_id = ""
        """The id of the last event that had one; empty if the stream cannot be resumed."""
        self.retry_seconds: float | None = None
        """How long to wait before resuming, if the server says so."""
        self._line: list[bytes] = []
        self._line_size = 0
        self._skip_newline = False
        self._kind = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that end in this chunk. Consume each before feeding the next chunk."""
        if self._skip_newline and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._skip_newline = chunk.endswith(b"\r")
        *ends, rest = _END.split(chunk)
        for end in ends:
            self._add(end)
            if (event := self._ended()) is not None:
                yield event
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._line.append(part)
        self._line_size += len(part)
        if self._line_size > MAX_LINE_BYTES:
            self._line = _ends(self._line, ID_WITHIN + len(b"data: "))

    def _ended(self) -> Event | None:
        """Take in a line that has ended. Return the event that it ends."""
        line, size = b"".join(self._line), self._line_size
        self._line, self._line_size = [], 0
        if not line:
            return self._event()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value if not self._data else b"\n" + value)
            self._size += size - len(line) + len(self._data[-1])
            if self._size > MAX_LINE_BYTES:
                self._data = _ends(self._data, ID_WITHIN)
        elif field == b"event":
            self._kind = value[:100].decode("utf-8", "replace")
        elif field == b"id":
            known = value[: MAX_ID_LENGTH + 1].decode("utf-8", "replace")
            self.last_id = known if len(known) <= MAX_ID_LENGTH and _ID.fullmatch(known) else ""
        elif field == b"retry" and value.isdigit() and len(value) < 10:
            self.retry_seconds = min(int(value) / 1000, MAX_RETRY_SECONDS)
        return None

    def _event(self) -> Event | None:
        kind, data, size = self._kind or "message", b"".join(self._data), self._size
        self._kind, self._data, self._size = "", [], 0
        return Event(kind, data, size) if data else None


def _ends(parts: list[bytes], length: int) -> list[bytes]:
    """Return the beginning and the end of bytes that are too many to be kept: one of them contains a message's id."""
    raw = b"".join(parts)
    return [raw[:length], raw[-length:]]
