"""The log of a thread as a request to the model carries it, in memory. Pure.

Each message has a position, a whole number that grows along the log and stays with the message. It is no index: a log
may begin later than at 0, once its beginning has been removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


class Transcript:
    """JSON texts in OpenAI roles, in UTF-8, joined as the inside of a JSON array, each with its position.

    Only ever appended to: what was sent once is a prefix of what is sent next, byte for byte, as the provider's prompt
    cache wants it. The texts are encoded and joined once, when they are appended, so that a request costs no more than
    one copy of the bytes, however long the thread is.
    """

    __slots__ = ("_ends", "_joined", "_positions")

    def __init__(self, messages: Iterable[tuple[int, str | bytes]] = ()) -> None:
        self._joined = bytearray()
        self._ends: list[int] = []
        self._positions: list[int] = []
        self.extend(messages)

    def extend(self, messages: Iterable[tuple[int, str | bytes]]) -> None:
        """Append (position, message) pairs; bytes are UTF-8 already. Raises ValueError for a position that is not
        behind the last."""
        for position, message in messages:
            if position <= self.last:
                raise ValueError(f"position {position} is not behind {self.last}")
            self._positions.append(position)
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
    def positions(self) -> Sequence[int]:
        """The position of each message, in order."""
        return tuple(self._positions)

    @property
    def last(self) -> int:
        """The position of the last message; -1 when there is none."""
        return self._positions[-1] if self._positions else -1

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
