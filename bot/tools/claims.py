"""What calls are at now: those that may touch the same things run one after the other, others at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from bot.core.ports.change_guard import Claim


def folders(claim: Claim) -> frozenset[str]:
    """The names that stand for something that holds one of its own: the folders of a path."""
    return frozenset(folder for path in claim for folder in _above(path))


class Taken:
    """Claims, looked up by path: however many there are, whether one touches them costs the same."""

    def __init__(self) -> None:
        self._paths: Counter[str] = Counter()
        self._above: Counter[str] = Counter()
        """The folders in which they lie."""

    def add(self, claim: Claim) -> None:
        """One more."""
        for path in claim:
            self._paths[path] += 1
            self._above.update(_above(path))

    def remove(self, claim: Claim) -> None:
        """One that was added."""
        for path in claim:
            _take(self._paths, path)
            for folder in _above(path):
                _take(self._above, folder)

    def touches(self, claim: Claim) -> bool:
        """Whether it has something in common with any of them."""
        return any(
            path in self._paths or path in self._above or any(folder in self._paths for folder in _above(path))
            for path in claim
        )


def _above(path: str) -> Iterator[str]:
    """The folders in which a path lies."""
    while path != "/" and (cut := path.rfind("/")) >= 0:
        path = path[:cut] or "/"
        yield path


def _take(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


class Claims:
    """What is claimed now, and who waits, in the order in which they came. A claim is granted whole or not at all, so
    nobody holds one part while waiting for another."""

    def __init__(self) -> None:
        self._held = Taken()
        self._wanted = Taken()
        """What is waited for."""
        self._waiting: dict[asyncio.Future[None], Claim] = {}

    def seize(self, wanted: Claim) -> bool:
        """Claim it, if nobody has any of it or has waited longer for some of it."""
        if self._held.touches(wanted) or self._wanted.touches(wanted):
            return False
        self._held.add(wanted)
        return True

    async def acquire(self, wanted: Claim) -> bool:
        """Claim it as soon as it is free; out: whether it was so at once."""
        if self.seize(wanted):
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
        """It may be claimed by others."""
        self._held.remove(held)
        self._grant()

    def _grant(self) -> None:
        before = Taken()
        for granted, wanted in list(self._waiting.items()):
            if granted.done():  # given up; who waited is about to say so
                continue
            if self._held.touches(wanted) or before.touches(wanted):
                before.add(wanted)
            else:
                del self._waiting[granted]
                self._wanted.remove(wanted)
                self._held.add(wanted)
                granted.set_result(None)
