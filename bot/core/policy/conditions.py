"""Conditions on the arguments of a call, and the globs used in rules. Pure data and functions.

Results are True, False or None. None means unknown, and never allows anything.
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
        """Return whether the whole text matches. Raises ValueError if the text is too long to be matched."""
        ...


class Check(StrEnum):
    """What a condition checks; each value is its key in bot.toml."""

    INSIDE = "inside"
    """The path lies in one of the folders."""
    OUTSIDE = "outside"
    """The path lies in none of the folders."""
    MATCHES = "matches"
    """The regular expression matches the whole text."""
    EQUALS = "equals"
    """The value is one of these."""


class _WrongType:
    """Marks a value that cannot be reached, because the value above it is not an object."""


class _Missing:
    """Marks a value that is absent."""


_WRONG_TYPE, _MISSING = _WrongType(), _Missing()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one argument."""

    argument: str
    """A glob over argument names; `edits.oldText` addresses a value inside objects, also in lists of objects."""
    check: Check
    values: tuple[Value, ...]
    """The folders, the values, or the text of the regular expression."""
    pattern: Pattern | None = None
    """The compiled regular expression."""

    def holds(self, tool: Tool, arguments: Mapping[str, Any], inside: Inside) -> bool | None:
        """Return whether the condition holds for all values (True) or for none (False).

        Returns None if a value cannot be judged or if the condition holds for some values only: a list with a harmless
        and a harmful path must neither match a rule that allows the one nor escape a rule that denies the other.
        Returns False if there is no value.
        """
        answers = {self._one(tool, value, inside) for value in _found(arguments, self.argument)}
        if not answers:
            return False
        return answers.pop() if len(answers) == 1 else None

    def words(self) -> str:
        """Describe the condition for people: `path is inside notes`."""
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
                return None if value is _WRONG_TYPE else any(_same(value, wanted) for wanted in self.values)
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
    """Return whether a glob (`*` any text, `?` one character) matches the whole text, case-sensitively.

    With `as_glob`, `text` is a glob too, and True means that `glob` matches everything that `text` matches. False is
    then not conclusive.
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
    """Join words for people: `a`, `a or b`, `a, b or c`."""
    *front, end = words
    return f"{', '.join(front)} {last} {end}" if front else end


def every(answers: Iterable[bool | None]) -> bool | None:
    """Return False if any answer is False, else None if any is unknown, else True."""
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
    """Return whether the parts between the `*` occur in the text in order.

    Searches for each part only once, as the texts come from models and servers.
    """
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
    """Return whether a part without `*` matches at this index; the text must be long enough."""
    if "?" not in part:
        return text.startswith(part, at)
    return all(sign in ("?", character) for sign, character in zip(part, text[at : at + len(part)], strict=False))


def _skipping(glob: str, states: set[int]) -> set[int]:
    """Return these positions in a glob and those reached when a `*` matches the empty text."""
    reached = set(states)
    for state in states:
        place = state
        while place < len(glob) and glob[place] == "*":
            place += 1
            reached.add(place)
    return reached


def _found(arguments: Mapping[str, Any], name: str) -> list[object]:
    """Return all values with this name; lists are flattened."""
    head, dot, rest = name.partition(".")
    found: list[object] = []
    for key, value in arguments.items():
        if fits(name, key):
            found += _flat(value)
        elif dot and fits(head, key):
            for item in _flat(value):
                found += (_found(item, rest) or [_MISSING]) if isinstance(item, dict) else [_WRONG_TYPE]
    return found


def _flat(value: object) -> list[object]:
    """Flatten a value that may be a list of any depth. Not recursive, as a model chooses the depth."""
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
    """Compare JSON values; true is not equal to 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
