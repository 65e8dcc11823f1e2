"""Conditions on the arguments of a call, and the globs that rules are written with. Pure data and functions.

An answer is True, False or None: None means that nobody can say, and it never allows anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from bot.core.tools import Tool

Inside = Callable[[Tool, str, str], bool | None]
"""Whether a path argument of a call of the tool lies in a folder, symbolic links followed: `ChangeGuard.looking`."""
Value = str | int | float | bool


class Pattern(Protocol):
    """A compiled regular expression, as `bot.patterns` makes it."""

    def fullmatch(self, text: str, /) -> bool:
        """Whether the whole text matches. Raises ValueError when the text is too long to tell."""
        ...


class Check(StrEnum):
    """What a condition looks at; each value is its key in the file."""

    INSIDE = "inside"
    """The path lies in one of the folders."""
    OUTSIDE = "outside"
    """The path lies in none of the folders."""
    MATCHES = "matches"
    """The regular expression matches the whole text."""
    EQUALS = "equals"
    """The value is one of these."""


class _Odd:
    """Stands for a value that is not where the name says, because something else is there."""


class _Missing:
    """Stands for a value that is not there."""


_ODD, _MISSING = _Odd(), _Missing()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one argument."""

    argument: str
    """A glob over the names of the arguments; `edits.oldText` reaches into objects, and lists are gone through."""
    check: Check
    values: tuple[Value, ...]
    """The folders, the values, or the text of the regular expression."""
    pattern: Pattern | None = None
    """The regular expression, compiled by who reads the file."""

    def holds(self, tool: Tool, arguments: Mapping[str, Any], inside: Inside) -> bool | None:
        """Whether it holds for all values (True) or for none (False). None when a value cannot be judged, and also when
        it holds for some: a list with one harmless and one harmful path is neither let through by a rule that allows
        the one nor past a rule that denies the other. No value at all: False."""
        answers = {self._one(tool, value, inside) for value in _found(arguments, self.argument)}
        if not answers:
            return False
        return answers.pop() if len(answers) == 1 else None

    def words(self) -> str:
        """The condition for people: `path is inside notes`."""
        values = listed([value if isinstance(value, str) else str(value).lower() for value in self.values])
        match self.check:
            case Check.INSIDE | Check.OUTSIDE:
                return f"{self.argument} is {self.check} {values}"
            case Check.MATCHES:
                return f"{self.argument} matches {values}"
            case Check.EQUALS:
                return f"{self.argument} is {values}"

    def _one(self, tool: Tool, value: object, inside: Inside) -> bool | None:
        if value is _MISSING:
            return False
        match self.check:
            case Check.EQUALS:
                return None if value is _ODD else any(_same(value, wanted) for wanted in self.values)
            case Check.MATCHES:
                with suppress(ValueError):
                    return self.pattern.fullmatch(value) if isinstance(value, str) and self.pattern else None
                return None
            case Check.INSIDE | Check.OUTSIDE:
                if not isinstance(value, str):
                    return None
                within = _either(inside(tool, value, str(folder)) for folder in self.values)
                return within if self.check is Check.INSIDE or within is None else not within


def fits(glob: str, text: str, *, as_glob: bool = False) -> bool:
    """Whether a glob (`*` any text, `?` one character) fits a whole text, case and all.

    With `as_glob` the text is a glob too, and the question is whether whatever fits that one fits this one. Then a yes
    is certain and a no is not.
    """
    if not as_glob:
        return _fits(glob, text)
    states = _skipping(glob, {0})
    for character in text:
        after: set[int] = set()
        for state in states:
            if state == len(glob):
                continue
            if glob[state] == "*":
                after.add(state)
            elif character != "*" and glob[state] in ("?", character):
                after.add(state + 1)
        states = _skipping(glob, after)
    return len(glob) in states


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    *front, end = words
    return f"{', '.join(front)} {last} {end}" if front else end


def every(answers: Iterable[bool | None]) -> bool | None:
    """False if one is False, else None if one is unknown, else True."""
    unknown = False
    for answer in answers:
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def _either(answers: Iterable[bool | None]) -> bool | None:
    opposite = every(None if answer is None else not answer for answer in answers)
    return None if opposite is None else not opposite


def _fits(glob: str, text: str) -> bool:
    """Whether the parts between the `*` stand in the text, in their order. A model writes some of these texts, and a
    server others: each part is looked for once."""
    first, *parts = glob.split("*")
    if not parts:
        return len(glob) == len(text) and _stands(first, text, 0)
    last, at = parts.pop(), len(first)
    end = len(text) - len(last)
    if end < at or not (_stands(first, text, 0) and _stands(last, text, end)):
        return False
    for part in parts:
        if "?" in part:
            at = next((place for place in range(at, end - len(part) + 1) if _stands(part, text, place)), -1)
        else:
            at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _stands(part: str, text: str, at: int) -> bool:
    """Whether a part without `*` stands at a place that has room for it."""
    if "?" not in part:
        return text.startswith(part, at)
    return all(sign in ("?", character) for sign, character in zip(part, text[at : at + len(part)], strict=False))


def _skipping(glob: str, states: set[int]) -> set[int]:
    """These places in a glob, and those reached by letting a `*` stand for nothing."""
    reached = set(states)
    for state in states:
        place = state
        while place < len(glob) and glob[place] == "*":
            place += 1
            reached.add(place)
    return reached


def _found(arguments: Mapping[str, Any], name: str) -> list[object]:
    """All values under a name: those in lists one by one."""
    head, dot, rest = name.partition(".")
    found: list[object] = []
    for key, value in arguments.items():
        if fits(name, key):
            found += _flat(value)
        elif dot and fits(head, key):
            for item in _flat(value):
                found += (_found(item, rest) or [_MISSING]) if isinstance(item, dict) else [_ODD]
    return found


def _flat(value: object) -> list[object]:
    """The value, or the items of the list that it is, however deep. No recursion: a model sets the depth."""
    items: list[object] = []
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left.extend(reversed(item))
        else:
            items.append(item)
    return items


def _same(one: object, other: object) -> bool:
    """Equality of JSON values, where true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
