"""Values of any form, made by plain random numbers: hypothesis takes a fifth of a second to draw a large one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

ALPHABETS = ("ab <>&*_~`\n", "é😀\u202e\u2028\u200b⟦⟧", "\0\ud800\udfff\x1b\x7f", '"\\{}[]:@#!|')
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 10**30, -(10**30), 2**63, 0.5, -0.0, 1e308),
    *(10**400, float("inf"), float("nan"), "", " ", "0", "1e999", "null", "C1", "U1", "1700000000.000001"),
    *("\ud800", "\0", "x" * 200_000),
)


class Values:
    """Makes values; those of a number are always the same."""

    def __init__(self, number: int, keys: Sequence[str], kinds: Sequence[str]) -> None:
        self._chance = random.Random(number)
        self._keys, self._kinds = keys, kinds

    def text(self) -> str:
        """A text, often with what no ordinary one holds."""
        length = self._chance.choice((0, 1, 3, 10, 40))
        alphabet = self._chance.choice(ALPHABETS)
        known = "".join(self._chance.choice(alphabet) for _ in range(length))
        return known + chr(self._chance.randrange(0x110000)) * self._chance.randrange(2)

    def key(self) -> str:
        """A key, seldom an unknown one."""
        return self._chance.choice(self._keys) if self._chance.random() < 0.9 else self.text()

    def value(self, depth: int) -> Any:
        """A value with so many levels at most."""
        kind = self._chance.randrange(8 if depth else 4)
        if kind == 0:
            return self._chance.choice(ODD)
        if kind == 1:
            return self._chance.choice(self._kinds)
        if kind in (2, 3):
            return self.text()
        if kind in (4, 5):
            return [self.value(depth - 1) for _ in range(self._chance.randrange(5))]
        return self.mapping(depth)

    def mapping(self, depth: int) -> dict[str, Any]:
        """An object with so many levels at most."""
        return {self.key(): self.value(depth - 1) for _ in range(self._chance.randrange(9))}
