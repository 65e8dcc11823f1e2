"""Mutual exclusion of calls by what they touch: overlapping calls run one after the other, all others concurrently."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from bot.core.ports.change_guard import Claim


def folders(claim: Claim) -> frozenset[str]:
    """Return the names that contain one of the claim's own: the folders above its paths."""
    return frozenset(folder for path in claim for folder in _above(path))


class Taken:
    """A set of claims with lookup by path: the cost of a lookup does not depend on their number."""

    def __init__(self) -> None:
        self._paths: Counter[str] = Counter()
        self._above: Counter[str] = Counter()
        """The folders that contain them."""

    def add(self, claim: Claim) -> None:
        """Add a claim."""
        for path in claim:
            self._paths[path] += 1
            self._above.update(_above(path))

    def remove(self, claim: Claim) -> None:
        """Remove a claim that was added."""
        for path in claim:
            _take(self._paths, path)
            for folder in _above(path):
                _take(self._above, folder)

    def touches(self, claim: Claim) -> bool:
        """Whether a claim overlaps with any of them."""
        return any(
            path in self._paths or path in self._above or any(folder in self._paths for folder in _above(path))
            for path in claim
        )


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a path."""
    while path != "/" and (cut := path.rfind("/")) >= 0:
        path = path[:cut] or "/"
        yield path


def _take(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


class Claims:
    """The granted claims and a fair queue of waiting ones. A claim is granted whole or not at all, so nobody holds one
    part while waiting for another."""

    def __init__(self) -> None:
        self._held = Taken()
        self._wanted = Taken()
        """The claims that are waiting."""
        self._waiting: dict[asyncio.Future[None], Claim] = {}

    def try_acquire(self, wanted: Claim) -> bool:
        """Take a claim if no part of it is taken or was requested earlier by somebody else. Return whether it was
        taken."""
        if self._held.touches(wanted) or self._wanted.touches(wanted):
            return False
        self._held.add(wanted)
        return True

    async def acquire(self, wanted: Claim) -> bool:
        """Wait until a claim is free, and take it. Return whether it was free at once."""
        if self.try_acquire(wanted):
            return True
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[granted] = wanted
        self._wanted.add(wanted)
        try:
            await granted
        except BaseException:
            if self._waiting.pop(granted, None) is not None:
                self._wanted.remove(wanted)
            else:
                self._held.remove(wanted)
            self._grant()
            raise
        return False

    def release(self, held: Claim) -> None:
        """Release a claim."""
        self._held.remove(held)
        self._grant()

    def _grant(self) -> None:
        before = Taken()
        for granted, wanted in list(self._waiting.items()):
            if granted.done():  # cancelled; its waiter is about to withdraw
                continue
            if self._held.touches(wanted) or before.touches(wanted):
                before.add(wanted)
            else:
                del self._waiting[granted]
                self._wanted.remove(wanted)
                self._held.add(wanted)
                granted.set_result(None)
