"""Parses server-sent events from the bytes of a response.

Implements the part of the HTML standard's event streams that chat completions use: the `data` of each event. Comments
(OpenRouter's keep-alives), `event`, `id` and `retry` are ignored, and a line ends with LF or CRLF, not with a lone CR.
"""

from __future__ import annotations

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Bytes. Only the beginning of a longer line is kept, which is then not valid JSON."""


class EventReader:
    """An incremental parser: accepts a stream in pieces of any size."""

    __slots__ = ("_data", "_partial", "_size")

    def __init__(self) -> None:
        self._partial: list[bytes] = []
        """The pieces of an incomplete line."""
        self._size = 0
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Process the next bytes. Returns the data of each event that they complete, in order."""
        lines = piece.split(b"\n")
        partial = lines.pop()
        if lines and self._partial:
            lines[0] = b"".join([*self._partial, lines[0]])
            self._partial, self._size = [], 0
        self._size += len(partial)
        if self._size <= MAX_LINE_BYTES:
            self._partial.append(partial)
        found: list[bytes] = []
        for line in lines:
            if line[:5] == b"data:":
                self._data.append(line[5:])
            elif self._data and line in (b"", b"\r"):
                first, *more = self._data
                found.append(b"\n".join(self._data) if more else first)
                self._data = []
        return found

    def finish(self) -> list[bytes]:
        """End the stream. Returns the data of a final event that is not followed by an empty line, if there is one."""
        return self.feed(b"\n\n")
