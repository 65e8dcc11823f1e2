"""Characters and character sets in RE2 syntax. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

LAST: Final = 0x10FFFF
SPACE_ECMA: Final = r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
SPACE: Final = r"\t-\r\x{1c}- \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
SPACE_ASCII: Final = r"\t-\r "
PROPERTIES: Final = {
    "Letter": "L",
    "Alphabetic": "L",
    "Uppercase_Letter": "Lu",
    "Uppercase": "Lu",
    "Lowercase_Letter": "Ll",
    "Lowercase": "Ll",
    "Mark": "M",
    "Number": "N",
    "Decimal_Number": "Nd",
    "Punctuation": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Control": "Cc",
    "Latn": "Latin",
    "Grek": "Greek",
    "Cyrl": "Cyrillic",
    "Hani": "Han",
    "Arab": "Arabic",
    "Hebr": "Hebrew",
}
"""ECMA-262's names of properties and scripts that differ in RE2, with RE2's names."""

_META: Final = frozenset(r"\.+*?()|[]{}^$-")
_SPACES: Final = (*range(9, 14), 32, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)


def literal(character: str) -> str:
    """Return an expression that matches this character, inside and outside a class."""
    if character in _META:
        return f"\\{character}"
    return character if character.isprintable() else f"\\x{{{ord(character):x}}}"


@cache
def complement(letter: str) -> str:
    """Return all characters outside Python's `\\d`, `\\w` or `\\s` ("s of ECMA-262": outside ECMA-262's `\\s`), for use
    inside a class. `d` and `w` take 0.2 s; they are needed at startup only, for expressions of an operator."""
    match letter:
        case "d":
            return _between(number for number in range(LAST + 1) if chr(number).isdecimal())
        case "w":
            return _between(number for number in range(LAST + 1) if chr(number).isalnum() or number == ord("_"))
        case "s":
            return _between(sorted((*_SPACES, 0x1C, 0x1D, 0x1E, 0x1F, 0x85)))
        case _:
            return _between((*_SPACES, 0xFEFF))


def _between(numbers: Iterable[int]) -> str:
    """Return the ranges between these characters, which must be in ascending order."""

    def gaps() -> Iterator[str]:
        free = 0
        for number in (*numbers, LAST + 1):
            if number > free:
                yield f"\\x{{{free:x}}}-\\x{{{number - 1:x}}}"
            free = number + 1

    return "".join(gaps())
