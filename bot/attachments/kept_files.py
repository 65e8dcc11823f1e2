"""Keeps the bytes of attached files in a folder beside the database, each under its digest, for a limited time.

They are written before the log refers to them, so no crash leaves a reference without its file; a file without a
reference is removed like any other when its time is over.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections import OrderedDict
from pathlib import Path

MEMORY_BYTES = 32 * 1024 * 1024
"""Bytes that are held in memory: each step of a turn sends the same files again."""
TIDY_SECONDS = 3600.0
UNFINISHED = ".part"


class KeptFiles:
    """Implements `bot.core.ports.attachments.KeptContents` on a folder.

    folder: created at the first use; nobody else can read it. days: how long a file is kept after it was last attached.
    max_bytes: of all files together; beyond it the oldest ones are removed.
    """

    def __init__(self, folder: Path, days: float, max_bytes: int) -> None:
        self._folder, self._seconds, self._most = folder, days * 86_400, max_bytes
        self._recent: OrderedDict[str, bytes] = OrderedDict()

    async def keep(self, content: bytes) -> str:
        """Write a file, unless it is there, and return its digest. Raises OSError."""
        digest = await asyncio.to_thread(self._keep, content)
        self._remember(digest, content)
        return digest

    async def find(self, digest: str) -> bytes | None:
        """Return a file's bytes; None if it is not kept or not as it was written."""
        if (known := self._recent.get(digest)) is not None:
            self._recent.move_to_end(digest)
            return known
        content = await asyncio.to_thread(self._read, digest)
        if content is not None:
            self._remember(digest, content)
        return content

    async def tidy_forever(self) -> None:
        """Remove what is no longer to be kept, now and every hour. Runs until it is cancelled."""
        while True:
            await self.tidy()
            await asyncio.sleep(TIDY_SECONDS)

    async def tidy(self) -> None:
        """Remove the files whose time is over, and the oldest ones beyond the limit."""
        for digest in await asyncio.to_thread(self._tidy, time.time()):
            self._recent.pop(digest, None)

    def _keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._folder / digest
        if path.exists():
            os.utime(path)
            return digest
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(suffix=UNFINISHED, dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(unfinished).replace(path)
        except OSError:
            Path(unfinished).unlink(missing_ok=True)
            raise
        return digest

    def _read(self, digest: str) -> bytes | None:
        try:
            content = (self._folder / digest).read_bytes() if digest.isalnum() else b""
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def _tidy(self, now: float) -> list[str]:
        if not self._folder.is_dir():
            return []
        found: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            try:
                about = path.stat()
            except OSError:  # somebody else has removed it
                continue
            found.append((about.st_mtime, about.st_size, path))
        removed: list[str] = []
        size = 0
        for at, bytes_, path in sorted(found, reverse=True):
            size += bytes_
            is_unfinished = path.suffix == UNFINISHED and at < now - TIDY_SECONDS
            if is_unfinished or at < now - self._seconds or size > self._most:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        return removed

    def _remember(self, digest: str, content: bytes) -> None:
        self._recent[digest] = content
        self._recent.move_to_end(digest)
        while sum(map(len, self._recent.values())) > MEMORY_BYTES:
            self._recent.popitem(last=False)


def folder_of(database_url: str) -> Path:
    """Return the folder for the files of a bot with this database."""
    scheme, _, rest = database_url.partition(":///")
    return Path(f"{rest}.files") if scheme == "sqlite" and rest else Path("data/attachments")
