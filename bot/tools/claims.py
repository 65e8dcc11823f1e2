"""Which files calls are changing now: those that may touch the same things run one after the other, others at once."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Iterable
from contextlib import suppress

from bot.core.calls import JsonObject, Tool
from bot.tools.files import missing
from bot.tools.paths import Filesystem, RefusedError, within
from bot.tools.text import sendable

Claim = frozenset[str]
"""Real paths, each standing for all that lies below it; and files that have several names by their inodes."""


def claim(files: Filesystem, tool: Tool, arguments: JsonObject) -> Claim:
    """What a call may change. For a thread. When the server would refuse one of its paths, all that the server has."""
    names = ("source", "destination") if tool.remote_name == "move_file" else ("path",)
    given = [arguments.get(name) for name in names]
    try:
        places = [files.place(sendable(path)) for path in given if isinstance(path, str)]
    except RefusedError:
        places = []
    if len(places) < len(names):
        try:
            return of_paths(files.roots())
        except RefusedError:  # it has no folder, and so no file
            return frozenset()
    if tool.remote_name == "create_directory":
        # The folders on the way are made, too.
        places = missing(places[0])[:1] or places
    return of_paths(place.path for place in places)


def of_paths(paths: Iterable[str]) -> Claim:
    """The same of real paths. For a thread."""
    found: set[str] = set()
    for path in paths:
        # On some disks names that differ in case or Unicode form are the same file: too much is claimed elsewhere.
        found.add(unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold()))
        with suppress(OSError, ValueError):
            status = os.stat(path)
            if status.st_nlink > 1 and not os.path.isdir(path):
                found.add(f"inode {status.st_dev}:{status.st_ino}")
    return frozenset(found)


def overlap(one: Claim, other: Claim) -> bool:
    """Whether two claims have something in common."""
    return any(within(a, b) or within(b, a) for a in one for b in other)


class Claims:
    """What is claimed now, and who waits, in the order in which they came. A claim is granted whole or not at all, so
    nobody holds one part while waiting for another."""

    def __init__(self) -> None:
        self._held: list[Claim] = []
        self._waiting: list[tuple[Claim, asyncio.Future[None]]] = []

    def seize(self, wanted: Claim) -> bool:
        """Claim it, if nobody has any of it or has waited longer for some of it."""
        if any(overlap(wanted, other) for other in (*self._held, *(claim for claim, _ in self._waiting))):
            return False
        self._held.append(wanted)
        return True

    async def acquire(self, wanted: Claim) -> bool:
        """Claim it as soon as it is free; out: whether it was so at once."""
        if self.seize(wanted):
            return True
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, granted))
        try:
            await granted
        except BaseException:
            if granted.done() and not granted.cancelled():
                self._held.remove(wanted)
            else:
                self._waiting.remove((wanted, granted))
            self._grant()
            raise
        return False

    def release(self, held: Claim) -> None:
        """It may be claimed by others."""
        self._held.remove(held)
        self._grant()

    def _grant(self) -> None:
        before: list[Claim] = []
        for wanted, granted in list(self._waiting):
            if granted.done():
                continue
            if any(overlap(wanted, other) for other in (*self._held, *before)):
                before.append(wanted)
            else:
                self._waiting.remove((wanted, granted))
                self._held.append(wanted)
                granted.set_result(None)
