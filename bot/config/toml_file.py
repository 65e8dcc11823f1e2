"""Reads a TOML file key by key, and reports each mistake with its line and the name that was probably intended."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bot.errors import SettingsError

KeyPath = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""
Table = Mapping[str, Any]
MAX_NUMBER = 1e9
"""No number in a configuration may be larger, or infinite."""


class TomlFile:
    """One file. Every mistake raises SettingsError for the setting that named the file."""

    def __init__(self, setting: str, path: Path) -> None:
        self._setting, self._path = setting, path
        self._lines: dict[KeyPath, int] | None = None
        try:
            self._text = path.read_text(encoding="utf-8")
            self.document: Table = tomllib.loads(self._text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise SettingsError(setting, f"{path} cannot be read: {error}") from error

    def line(self, place: KeyPath) -> int:
        """Return the line on which a value, or the table around it, begins; 0 for the whole file."""
        if self._lines is None:
            self._lines = _lines(self._text)
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 0)

    def wrong(self, place: KeyPath, problem: str) -> SettingsError:
        """Return the error for a value, with its line."""
        return self.error(f"line {self.line(place)}: `{dotted(place)}` {problem}.")

    def error(self, problem: str) -> SettingsError:
        """Return an error about the file."""
        return SettingsError(self._setting, f"{self._path}, {problem}")

    def known(self, table: Table, place: KeyPath, names: Collection[str]) -> None:
        """Raise for the first key that is not among the names."""
        for key in table:
            if key not in names:
                near = get_close_matches(key, names, n=1)
                meant = f" Did you mean `{near[0]}`?" if near else ""
                problem = f"is an unknown key.{meant} The keys that are known here are {', '.join(sorted(names))}"
                raise self.wrong((*place, key), problem)

    def table(self, table: Table, place: KeyPath) -> Table:
        """Return the table at a place, which ends with its key; an empty one if it is missing."""
        value: object = table.get(str(place[-1]), {})
        if not isinstance(value, dict):
            raise self.wrong(place, f"must be a table, written as [{dotted(place)}]")
        return value

    def tables(self, table: Table, place: KeyPath) -> list[Table]:
        """Return the list of tables at a place."""
        value: object = table.get(str(place[-1]), [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(place, f"must be a list of tables, each written as [[{dotted(place)}]]")
        return value

    def text(self, table: Table, place: KeyPath, default: str = "") -> str:
        """Return a string without surrounding white space."""
        value: object = table.get(str(place[-1]), default)
        if not isinstance(value, str):
            raise self.wrong(place, "must be a string")
        return value.strip()

    def texts(self, table: Table, place: KeyPath, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return one string or a list of strings; an empty one is an error."""
        if str(place[-1]) not in table:
            return default
        value: object = table[str(place[-1])]
        values: list[object] = value if isinstance(value, list) else [value]
        texts = tuple(item for item in values if isinstance(item, str) and item.strip())
        if not values or len(texts) != len(values):
            raise self.wrong(place, "must be a string or a list of strings, none of them empty")
        return texts

    def choice(self, table: Table, place: KeyPath, choices: Collection[str], default: str) -> str:
        """Return one of the given words."""
        value = self.text(table, place, default)
        if value not in choices:
            raise self.wrong(place, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def flag(self, table: Table, place: KeyPath, default: bool) -> bool:
        """Return true or false."""
        value: object = table.get(str(place[-1]), default)
        if not isinstance(value, bool):
            raise self.wrong(place, "must be true or false")
        return value

    def number(self, table: Table, place: KeyPath, default: float, *, zero: bool = False) -> float:
        """Return a number above 0, or, with `zero`, 0 or more."""
        value: object = table.get(str(place[-1]), default)
        bounds = f"from 0 to {MAX_NUMBER:,.0f}" if zero else f"above 0 and at most {MAX_NUMBER:,.0f}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(place, f"must be a number {bounds}")
        if not (0 < value <= MAX_NUMBER or (zero and value == 0)):
            raise self.wrong(place, f"must be a number {bounds}")
        return float(value)

    def whole(self, table: Table, place: KeyPath, default: int) -> int:
        """Return a whole number above 0."""
        number = self.number(table, place, default)
        if not isinstance(table.get(str(place[-1]), default), int):
            raise self.wrong(place, "must be a whole number")
        return int(number)


def dotted(place: KeyPath) -> str:
    """Format a place: `policy.rules[2].action`, counted from 1."""
    text = ""
    for step in place:
        text += f"[{step + 1}]" if isinstance(step, int) else f"{'.' if text else ''}{step}"
    return text


def _lines(text: str) -> dict[KeyPath, int]:
    """Return the line on which each value begins. tomllib does not report it, so increasing prefixes of the file are
    parsed: a value that first appears in one prefix begins after the longest shorter prefix that could be parsed."""
    found: dict[KeyPath, int] = {}
    lines = text.split("\n")
    complete = 0
    for count in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:count]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        for place in _places(document, ()):
            found.setdefault(place, complete + 1)
        complete = count
    return found


def _places(value: object, place: KeyPath) -> Iterator[KeyPath]:
    if place:
        yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*place, index))
