"""The log of a thread as a request to the model carries it, in memory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Transcript:
    """JSON texts in OpenAI roles, in UTF-8, joined as the inside of a JSON array.

    Only ever appended to: what was sent once is a prefix of what is sent next, byte for byte, as the provider's prompt
    cache wants it. The texts are encoded and joined once, when they are appended, so that a request costs no more than
    one copy of the bytes, however long the thread is.
    """

    __slots__ = ("_ends", "_joined")

    def __init__(self, messages: Iterable[str | bytes] = ()) -> None:
        self._joined = bytearray()
        self._ends: list[int] = []
        self.extend(messages)

    def extend(self, messages: Iterable[str | bytes]) -> None:
        """Append messages; bytes are UTF-8 already."""
        for message in messages:
            if self._ends:
                self._joined += b","
            # A lone surrogate has no UTF-8; it would be refused as escaped text, too.
            self._joined += message.encode("utf-8", "replace") if isinstance(message, str) else message
            self._ends.append(len(self._joined))

    def __len__(self) -> int:
        """How many messages there are."""
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        """Each message as text."""
        begin = 0
        for end in self._ends:
            yield self._joined[begin:end].decode("utf-8")
            begin = end + 1

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._joined)

    def has(self, text: bytes) -> bool:
        """Whether these bytes occur anywhere in it."""
        return text in self._joined

    def between(self, before: bytes, after: bytes) -> bytes:
        """All of it, with something before and behind."""
        return b"".join((before, self._joined, after))
