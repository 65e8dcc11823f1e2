"""Keeps the endpoint's list of models: read in the background, kept in a file for the next start, read again from time
to time. An endpoint that has no such list is fine: then nothing is known."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp

from bot.core.known_models import KnownModels
from bot.core.model_info import ModelInfo
from bot.model import catalogue_entries
from bot.model.catalogue_entries import MAX_BYTES
from bot.pace import UNKNOWN_SIZE, offload

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 6 * 3600.0
"""Between two readings; shortened at random by up to a fifth."""
FIRST_PAUSE, MAX_PAUSE = 60.0, 3600.0
"""Seconds before another attempt after the endpoint could not be reached; doubles each time."""
READ_SECONDS: Final = 30.0
MAX_REDIRECTS: Final = 3


class UnreachableError(Exception):
    """The endpoint did not answer, or said that it cannot answer now."""


class Catalogue:
    """Implements `bot.core.ports.model_check.ModelCheck`.

    session: an HTTP session, which the caller closes.
    base_url: where `/models` is.
    file: where the list is kept; None keeps it nowhere.
    changed: called after the list was read.
    clock: returns the time in Unix seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        key: str,
        file: Path | None = None,
        *,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._key = key
        self._file = file
        self._clock = clock
        self._reported = ""
        self.changed = changed
        self.known = KnownModels(now=clock)
        self.read_at = 0.0
        """When what is known was read; 0 if nothing is."""

    def find(self, model: str) -> ModelInfo | None:
        return self.known.find(model)

    def problem(self, model: str) -> str:
        return self.known.problem(model)

    async def load(self) -> None:
        """Read what was kept, if anything. Never raises."""
        kept = await asyncio.to_thread(self._kept) if self._file is not None else None
        if kept is not None:
            self.known, self.read_at = kept

    async def refresh(self, seconds: float = READ_SECONDS) -> bool:
        """Read the list from the endpoint, and keep it. Return whether there is one.

        Raises UnreachableError; what was known then stays.
        """
        body = await self._fetch(seconds)
        known = await offload(UNKNOWN_SIZE, catalogue_entries.parse, body, self._clock)
        if known is None:
            self._report(f"{self._base_url}/models is no list of models; nothing is known about them")
            return False
        self._reported = ""
        self.known, self.read_at = known, self._clock()
        if self._file is not None:
            await asyncio.to_thread(self._keep)
        log.debug("%d models are listed", len(known.models))
        self.changed()
        return True

    async def run(self) -> None:
        """Read the list now and again from time to time. Does not end."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self.refresh()
            except UnreachableError as error:
                self._report(f"{self._base_url}/models could not be read: {error}")
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not security
                pause = min(MAX_PAUSE, 2 * pause)
            else:
                pause = FIRST_PAUSE
                await asyncio.sleep(EVERY_SECONDS * random.uniform(0.8, 1.0))  # noqa: S311

    async def _fetch(self, seconds: float) -> bytes:
        """Return the body of the list; empty if the endpoint has none, or one that is too long."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.get(
                    f"{self._base_url}/models",
                    headers={"Authorization": f"Bearer {self._key}", "Accept": "application/json"},
                    timeout=aiohttp.ClientTimeout(total=seconds),
                    max_redirects=MAX_REDIRECTS,
                ) as response,
            ):
                if response.status in (408, 425, 429) or response.status >= 500:
                    raise UnreachableError(f"HTTP {response.status}")
                if response.status != 200:
                    return b""
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > MAX_BYTES:
                        return b""
        except aiohttp.TooManyRedirects:
            return b""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise UnreachableError(type(error).__name__) from error
        return bytes(body)

    def _report(self, words: str) -> None:
        """Log a problem, unless it was the last one."""
        if words != self._reported:
            self._reported = words
            log.warning("%s", words)

    def _kept(self) -> tuple[KnownModels, float] | None:
        return read_kept(self._file, self._base_url, self._clock) if self._file is not None else None

    def _keep(self) -> None:
        """Write the file. It takes the place of the former one as a whole, or not at all."""
        assert self._file is not None, "there is a file"
        part = self._file.with_name(f"{self._file.name}.part")
        try:
            part.write_text(catalogue_entries.dump(self.known, self._base_url, self.read_at), "utf-8")
            os.replace(part, self._file)
        except OSError as error:
            self._report(f"the list of models could not be kept in {self._file}: {error.strerror}")


def read_kept(file: Path, endpoint: str, clock: Callable[[], float] = time.time) -> tuple[KnownModels, float] | None:
    """Return the list in a file, and when it was read; None if there is none of this endpoint."""
    try:
        with file.open("rb") as opened:
            return catalogue_entries.undump(opened.read(MAX_BYTES + 1), endpoint, clock)
    except OSError:
        return None
