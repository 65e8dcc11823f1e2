"""The log of a thread in memory, in the format in which requests to the model send it. Pure.

Each message has a position: an integer that increases along the log and never changes. It is not an index: a log whose
beginning was removed starts at a position above 0, and what stands in for an older part (`bot.core.compaction`) has the
last position of that part.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence


class Transcript:
    """Messages with OpenAI roles as UTF-8 JSON texts, joined as the inside of a JSON array, each with its position.

    Append-only: each request is a byte-for-byte prefix of the next, as the provider's prompt cache requires. Texts are
    encoded and joined only once, when they are appended, so that a request costs one copy of the bytes.
    """

    __slots__ = ("_ends", "_joined", "_positions")

    def __init__(self, messages: Iterable[tuple[int, str | bytes]] = ()) -> None:
        self._joined = bytearray()
        self._ends: list[int] = []
        self._positions: list[int] = []
        self.extend(messages)

    def extend(self, messages: Iterable[tuple[int, str | bytes]]) -> None:
        """Append (position, message) pairs; a message in bytes must be UTF-8.

        Raises ValueError if a position is not greater than the last.
        """
        for position, message in messages:
            if position <= self.last:
                raise ValueError(f"position {position} is not behind {self.last}")
            self._positions.append(position)
            if self._ends:
                self._joined += b","
            # A lone surrogate cannot be encoded as UTF-8, and providers reject it as an escape, too.
            self._joined += message.encode("utf-8", "replace") if isinstance(message, str) else message
            self._ends.append(len(self._joined))

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the messages as text."""
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
        """The position of the last message; -1 if there is none."""
        return self._positions[-1] if self._positions else -1

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self._joined)

    def after(self, position: int) -> Iterator[tuple[int, str]]:
        """Iterate over (position, message) of the messages after a position."""
        for index in range(bisect_right(self._positions, position), len(self._ends)):
            begin = self._ends[index - 1] + 1 if index else 0
            yield self._positions[index], self._joined[begin : self._ends[index]].decode("utf-8")

    def __getitem__(self, index: int) -> str:
        """Return one message as text."""
        end = self._ends[index]
        index %= len(self._ends)
        return self._joined[self._ends[index - 1] + 1 if index else 0 : end].decode("utf-8")

    def replaced(self, changes: Mapping[int, str]) -> Transcript:
        """Return a copy with other texts for some messages, by index."""
        begins = [0, *(end + 1 for end in self._ends)]
        found = Transcript()
        found._positions = list(self._positions)
        done = shift = 0
        for index, text in sorted(changes.items()):
            found._joined += self._joined[done : begins[index]] + text.encode("utf-8", "replace")
            found._ends += (end + shift for end in self._ends[len(found._ends) : index])
            found._ends.append(len(found._joined))
            done, shift = self._ends[index], len(found._joined) - self._ends[index]
        found._joined += self._joined[done:]
        found._ends += (end + shift for end in self._ends[len(found._ends) :])
        return found

    def has(self, text: bytes) -> bool:
        """Return whether these bytes occur anywhere in the log."""
        return text in self._joined

    def between(self, before: bytes, after: bytes) -> bytes:
        """Return the whole log between a prefix and a suffix."""
        return b"".join((before, self._joined, after))
