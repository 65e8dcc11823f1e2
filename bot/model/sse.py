"""Server-sent events out of the bytes of a response.

The rules are those of the HTML standard's event streams, for what a chat completion needs of them: the `data` of each
event. Comments (OpenRouter's keep-alives), `event`, `id` and `retry` are passed over, and a line ends with LF or CRLF,
not with a single CR.
"""

from __future__ import annotations

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes. Of a line that is longer only the beginning is kept, which is no JSON."""


class EventReader:
    """Takes a stream in whatever pieces it arrives."""

    __slots__ = ("_data", "_rest", "_size")

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        """The pieces of a line whose end has not come yet."""
        self._size = 0
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next bytes. Returns the data of every event that is complete with them, in order."""
        lines = piece.split(b"\n")
        rest = lines.pop()
        if lines and self._rest:
            lines[0] = b"".join([*self._rest, lines[0]])
            self._rest, self._size = [], 0
        self._size += len(rest)
        if self._size <= LONGEST_LINE:
            self._rest.append(rest)
        found: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif line in (b"", b"\r") and self._data:
                found.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
        return found

    def finish(self) -> list[bytes]:
        """The stream has ended. Returns the data of a last event that no empty line follows, if there is one."""
        return self.feed(b"\n\n")
