"""Caches the texts of logs up to a memory limit, so that the next turn of a long thread reads only what is new. A
cached beginning is never wrong: logs are append-only, and a compaction drops it."""

from __future__ import annotations

from collections import OrderedDict

from bot.core.transcript import Transcript

MAX_BYTES = 32 * 1024 * 1024
MIN_BYTES = 16 * 1024
"""A shorter log is read as quickly as it is found here; thousands of them would only fill the memory."""


class Transcripts:
    """The most recently used transcripts, by thread."""

    def __init__(self, max_bytes: int = MAX_BYTES, min_bytes: int = MIN_BYTES) -> None:
        self._most, self._least = max_bytes, min_bytes
        self._kept: OrderedDict[int, tuple[Transcript, int]] = OrderedDict()
        self.size = 0
        """The total size in bytes."""

    def of(self, thread_id: int, last: int) -> Transcript:
        """Return the cached beginning of a log, up to this position; an empty transcript if nothing is cached."""
        transcript, _ = self._kept.get(thread_id, (None, 0))
        return transcript if transcript is not None and transcript.last <= last else Transcript()

    def drop(self, thread_id: int) -> None:
        """Forget what is cached of a thread, because its requests begin differently from now on."""
        _, size = self._kept.pop(thread_id, (None, 0))
        self.size -= size

    def keep(self, thread_id: int, transcript: Transcript) -> None:
        """Cache a transcript that was used or extended. The least recently used ones are evicted."""
        _, before = self._kept.pop(thread_id, (None, 0))
        self.size -= before
        if transcript.size < self._least:
            return
        self._kept[thread_id] = (transcript, transcript.size)
        self.size += transcript.size
        while self.size > self._most:
            _, (_, size) = self._kept.popitem(last=False)
            self.size -= size
