"""Translates regular expressions of Python's and JSON Schema's dialects (ECMA-262) into RE2's. Pure.

RE2 (https://github.com/google/re2/wiki/Syntax) resembles both and differs in details: `\\d`, `\\w` and `\\s` are ASCII
only, and `\\Z`, `\\/`, `\\u00e9`, `[^]` and comments are not supported. What an automaton cannot do is rejected:
lookaround, backreferences, conditions, atomic groups and possessive repetition.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from bot.patterns.characters import PROPERTIES, SPACE, SPACE_ASCII, SPACE_ECMA, complement, literal
from bot.patterns.cursor import Cursor
from bot.patterns.refused import BACKREFERENCE, REFUSED, UnsupportedPatternError

_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_FEW_WIDE: Final = 10


@dataclass(frozen=True, slots=True)
class Translation:
    """An expression in RE2's dialect."""

    text: str
    simple: bool
    """Few of its parts can match in several ways, so its automaton stays small whatever text it reads."""


def python(text: str, *, strict: bool) -> Translation:
    """Translate an expression that Python's `re.compile` accepts.

    With `strict`, a `$` whose exact meaning RE2 cannot express matches too rarely rather than too often.
    """
    return _Reader(text, ecma=False, strict=strict).read()


def ecma(text: str) -> Translation:
    """Translate an expression of a JSON Schema.

    Servers are written in many languages, so syntax without a meaning in ECMA-262 (`\\Z`, `(?i)`, `(?P<…>`) has the
    meaning that it has in Python, Go and Rust.
    """
    return _Reader(text, ecma=True, strict=False).read()


class _Reader(Cursor):
    """Reads one expression from left to right and emits its translation."""

    def __init__(self, text: str, *, ecma: bool, strict: bool) -> None:
        super().__init__(text)
        self._ecma = ecma
        self._strict = strict
        self._ascii = ecma
        self._verbose = False
        self._dot_all = False
        self._multiline = False
        self._out: list[str] = []
        self._wide = [0]
        """For each open group, the number of its parts that match one of several characters or a variable number."""
        self._flags: list[tuple[bool, bool, bool]] = []
        self._last = 0
        """The same number for the last part."""

    def read(self) -> Translation:
        if any("\ud800" <= character <= "\udfff" for character in self._text):
            raise UnsupportedPatternError("half a character (a lone surrogate) is no text")
        while self._at < len(self._text):
            self._part()
        return Translation("".join(self._out), sum(self._wide) <= _FEW_WIDE)

    def _part(self) -> None:  # noqa: PLR0912 - one case for each character
        character = self._next()
        match character:
            case "\\":
                self._escape()
            case "[":
                self._class()
            case "(":
                self._group()
            case ")":
                if self._flags:
                    self._dot_all, self._multiline, self._verbose = self._flags.pop()
                    self._last = self._wide.pop()
                    self._wide[-1] += self._last
                self._out.append(")")
            case "|":
                self._out.append("|")
                self._last = 0
            case "*" | "+" | "?":
                self._repeat(character, 1)
            case "{" if (counted := self._counted()) is not None:
                self._repeat(*counted)
            case ".":
                self._put(r"[^\n\r\x{2028}\x{2029}]" if self._ecma and not self._dot_all else ".", 1)
            case "$":
                self._put("$" if self._ecma or self._strict or self._multiline else "(?m:$)", 0)
            case "^":
                self._put("^", 0)
            case "#" if self._verbose:
                self._at = (self._text.find("\n", self._at) + 1) or len(self._text)
            case character if self._verbose and character in " \t\n\r\f\v":
                pass
            case _:
                self._put(literal(character), 0)

    def _put(self, text: str, wide: int) -> None:
        self._out.append(text)
        self._last = wide
        self._wide[-1] += wide

    def _repeat(self, sign: str, most: int) -> None:
        if self._ahead("+"):
            raise UnsupportedPatternError(
                "possessive repetition (a + after *, +, ? or }) is not supported; leave it out"
            )
        lazy = "?" if self._ahead("?") else ""
        self._out.append(sign + lazy)
        self._wide[-1] += max(self._last, 1) * most - self._last
        self._last = max(self._last, 1) * most

    def _counted(self) -> tuple[str, int] | None:
        """Read a repetition `{2}`, `{2,}`, `{2,5}` or `{,5}`.

        Returns it with its larger number, or None if the brace does not start a repetition.
        """
        end = self._text.find("}", self._at, self._at + 30)
        low, comma, high = self._text[self._at : max(end, 0)].partition(",")
        numbers = [part for part in (low, high) if part]
        if end < 0 or not numbers or not all(part.isdecimal() and part.isascii() for part in numbers):
            return None
        self._at = end + 1
        return f"{{{low or 0}{comma}{high}}}", max(map(int, numbers))

    def _group(self) -> None:
        kept = (self._dot_all, self._multiline, self._verbose)
        opening = "(?:"
        if self._ahead("?"):
            if self._ahead("#"):
                self._skip_to(")")
                return
            if self._ahead("P<") or (self._ecma and self._is_name()):
                self._skip_to(">")
            elif not self._ahead(":"):
                flags = self._read_flags()
                if flags is None:
                    return
                opening = f"(?{flags}:"
        self._out.append(opening)
        self._flags.append(kept)
        self._wide.append(0)
        self._last = 0

    def _is_name(self) -> bool:
        return self._text[self._at : self._at + 1] == "<" and self._text[self._at + 1 : self._at + 2] not in ("=", "!")

    def _read_flags(self) -> str | None:
        """Read inline flags. Returns those that RE2 supports, or None if they apply from here on and not to a group."""
        for opening, what in REFUSED.items():
            if self._text.startswith(opening, self._at):
                raise UnsupportedPatternError(what)
        begin = self._at
        while self._text[self._at : self._at + 1] not in (":", ")", ""):
            self._at += 1
        if self._at >= len(self._text):
            raise UnsupportedPatternError("a group has no end")
        on, _, off = self._text[begin : self._at].partition("-")
        if not set(on + off) <= set("imsxauU" if not self._ecma else "ims"):
            raise UnsupportedPatternError(f"(?{self._text[begin : self._at]} is not known")
        self._ascii = self._ascii or "a" in on
        self._dot_all = ("s" in on or self._dot_all) and "s" not in off
        self._multiline = ("m" in on or self._multiline) and "m" not in off
        self._verbose = ("x" in on or self._verbose) and "x" not in off
        on, off = ("".join(flag for flag in flags if flag in "ims") for flags in (on, off))
        flags = f"{on}-{off}" if off else on
        if self._next() == ":":
            return flags
        if flags:
            self._out.append(f"(?{flags})")
        return None

    def _escape(self) -> None:
        """Translate an escape outside a class, after its backslash."""
        letter = self._next()
        match letter:
            case "":
                raise UnsupportedPatternError("it ends with a backslash")
            case "d" | "w" | "s" | "D" | "W" | "S":
                inner = self._set(letter.lower())
                self._put(f"[{'^' if letter.isupper() else ''}{inner}]", 1)
            case "p" | "P":
                self._put(self._property(letter), 1)
            case "b" | "B" | "A":
                self._put(f"\\{letter}", 0)
            case "Z" | "z":
                self._put(r"\z", 0)
            case "k" if self._ecma:
                raise UnsupportedPatternError(BACKREFERENCE)
            case letter if letter in "123456789" and not (not self._ecma and self._is_octal()):
                raise UnsupportedPatternError(BACKREFERENCE)
            case _:
                self._put(literal(self._character(letter)), 0)

    def _is_octal(self) -> bool:
        three = self._text[self._at - 1 : self._at + 2]
        return len(three) == 3 and all(digit in "01234567" for digit in three)

    def _set(self, letter: str) -> str:
        """Return the inside of a class for `\\d`, `\\w` or `\\s`."""
        if letter == "s":
            return SPACE_ECMA if self._ecma else SPACE_ASCII if self._ascii else SPACE
        if self._ascii:
            return f"\\{letter}"
        return r"\p{Nd}" if letter == "d" else r"\p{L}\p{N}_"

    def _property(self, letter: str) -> str:
        """Translate `\\p{…}`, which Python does not support."""
        if not self._ecma:
            raise UnsupportedPatternError(f"\\{letter} is not known")
        if not self._ahead("{"):
            return f"\\{letter}{{{self._next()}}}"
        end = self._text.find("}", self._at, self._at + 60)
        name = self._text[self._at : max(end, self._at)]
        self._at = end + 1
        if end < 0 or not name.replace("=", "").replace("_", "").isalnum():
            raise UnsupportedPatternError("a property of characters is not named")
        name = name.rpartition("=")[2]
        return f"\\{letter}{{{PROPERTIES.get(name, name)}}}"

    def _character(self, letter: str) -> str:  # noqa: PLR0911 - one case for each letter
        """Return the character for an escape whose letter was already read."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if not (letter.isascii() and letter.isalnum()):
            return letter
        match letter:
            case "x":
                return self._hexadecimal(2)
            case "u" if self._ecma and self._ahead("{"):
                end = self._text.find("}", self._at, self._at + 10)
                return self._hexadecimal(max(end - self._at, 0), closing=1)
            case "u":
                return self._unit()
            case "U":
                return self._hexadecimal(8)
            case "a" if not self._ecma:
                return "\a"
            case "c" if self._ecma and self._text[self._at : self._at + 1].isascii():
                return chr(ord(self._next() or "\0") % 32)
            case "N" if not self._ecma and self._ahead("{"):
                end = self._text.index("}", self._at)
                name, self._at = self._text[self._at : end], end + 1
                return unicodedata.lookup(name)
            case letter if letter in "01234567":
                digits = letter
                while not self._ecma and len(digits) < 3 and self._text[self._at : self._at + 1] in tuple("01234567"):
                    digits += self._next()
                return chr(int(digits, 8))
            case _:
                raise UnsupportedPatternError(f"\\{letter} is not known")

    def _class(self) -> None:
        """Translate a character class, after its opening bracket."""
        negated = self._ahead("^")
        if self._ecma and self._text.startswith("]", self._at) and not self._closes_later():
            self._at += 1
            self._put("(?s:.)" if negated else r"[^\x{0}-\x{10ffff}]", 1)
            return
        out = ["[^" if negated else "["]
        first, joins = True, False
        while first or not self._ahead("]"):
            if self._at >= len(self._text):
                raise UnsupportedPatternError("a class of characters has no end")
            hyphen = self._text[self._at] == "-"
            member, single = self._member()
            # A hyphen between two single characters denotes a range; elsewhere it is a literal.
            if hyphen and joins and not self._text.startswith("]", self._at):
                begin = self._at
                other, ends = self._member()
                if ends:
                    out.append(f"-{other}")
                    first = joins = False
                    continue
                self._at = begin
            out.append(member)
            first, joins = False, single
        self._put("".join([*out, "]"]), 1)

    def _closes_later(self) -> bool:
        """Return whether a closing bracket at the start of a class is a member (as in Python), as another follows."""
        end = self._text.find("]", self._at + 1)
        begin = self._text.find("[", self._at + 1)
        return end >= 0 and (begin < 0 or end < begin)

    def _member(self) -> tuple[str, bool]:
        """Return the next member of a class, and whether it is a single character."""
        character = self._next()
        if character != "\\":
            return literal(character), True
        letter = self._next()
        match letter:
            case "d" | "w" | "s":
                return self._set(letter), False
            case "D" | "W" | "S":
                return self._all_but(letter.lower()), False
            case "p" | "P":
                return self._property(letter), False
            case "b":
                return r"\x{8}", True
            case "":
                raise UnsupportedPatternError("it ends with a backslash")
            case _:
                return literal(self._character(letter)), True

    def _all_but(self, letter: str) -> str:
        """Return the complement of a set, for use inside a class."""
        if letter == "s":
            return complement("s" if not self._ecma else "s of ECMA-262")
        return f"\\{letter.upper()}" if self._ascii else complement(letter)
