"""Logs that a request has carried not long ago, kept in memory up to a bound: the next turn of a long thread reads only
what has been added since. A log is only ever appended to, so one that is shorter is never wrong."""

from __future__ import annotations

from collections import OrderedDict

from bot.core.transcript import Transcript

MAX_BYTES = 32 * 1024 * 1024
MIN_BYTES = 16 * 1024
"""A shorter log is read as quickly as it is found here; thousands of them would fill the memory for nothing."""


class Transcripts:
    """The last ones used, by thread."""

    def __init__(self, max_bytes: int = MAX_BYTES, min_bytes: int = MIN_BYTES) -> None:
        self._most, self._least = max_bytes, min_bytes
        self._kept: OrderedDict[int, tuple[Transcript, int]] = OrderedDict()
        self.size = 0
        """Bytes in all."""

    def of(self, thread_id: int, last: int) -> Transcript:
        """The first messages of a log up to this position at most; an empty one when none are kept."""
        transcript, _ = self._kept.get(thread_id, (None, 0))
        return transcript if transcript is not None and transcript.last <= last else Transcript()

    def keep(self, thread_id: int, transcript: Transcript) -> None:
        """It was used just now, or has grown. Those that were not used for the longest time make room."""
        _, before = self._kept.pop(thread_id, (None, 0))
        self.size -= before
        if transcript.size < self._least:
            return
        self._kept[thread_id] = (transcript, transcript.size)
        self.size += transcript.size
        while self.size > self._most:
            _, (_, size) = self._kept.popitem(last=False)
            self.size -= size
