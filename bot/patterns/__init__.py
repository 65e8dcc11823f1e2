"""Regular expressions that others wrote, on an engine that takes linear time: RE2.

Python's `re` goes back and tries again: `^(a+)+$` needs hours for 40 characters, and holds the interpreter meanwhile.
RE2 reads a text once. How long that takes still depends on the expression: where its automaton is too large to be
kept, every character costs as much as the expression is long. So the product of both is bounded as well.
"""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

from bot.patterns import dialects
from bot.patterns.refused import UnreadableError

__all__ = ["Pattern", "TooMuchError", "UnreadableError", "of_operator", "of_server"]

LONGEST: Final = 2000
"""Characters of a server's expression."""
MOST_TEXT: Final = 4_000_000
"""Bytes that an expression with a small automaton reads (about 10 ms)."""
MOST_PRODUCT: Final = 4_000_000
"""Instructions times bytes, for any other (about 30 ms)."""
_LARGE: Final = 4000
"""Instructions; `\\w` has 700."""
_OPERATORS_MEMORY: Final = 8 << 20
_SERVERS_MEMORY: Final = 1 << 20


class TooMuchError(ValueError):
    """The text is too long for this expression to be read on the event loop."""


class Pattern:
    """A compiled regular expression."""

    __slots__ = ("_compiled", "_key", "_simple", "size")

    def __init__(self, translation: dialects.Translation, memory: int, *, dot_all: bool = False) -> None:
        """Raises UnreadableError when RE2 refuses it."""
        import re2  # noqa: PLC0415 - a bot that has no use for it need not load it

        options = re2.Options()
        options.max_mem, options.never_capture, options.log_errors = memory, True, False
        options.dot_nl = dot_all
        try:
            self._compiled: Any = re2.compile(translation.text.encode(), options)
        except re2.error as error:
            said = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
            raise UnreadableError(said[:200]) from error
        self._key = (translation.text, dot_all)
        self.size: int = self._compiled.programsize
        """Instructions."""
        self._simple = translation.simple and self.size <= _LARGE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def cost(self, text: str) -> int:
        """How long reading the text takes at most, in microseconds or so."""
        if self._simple:
            return 5 + self.size // 64 + len(text) // 200
        return 5 + self.size // 12 + self.size * len(text) // 120

    def fullmatch(self, text: str, /) -> bool:
        """Whether it matches the whole text. Raises TooMuchError."""
        return self._compiled.fullmatch(self._readable(text)) is not None

    def search(self, text: str, /) -> bool:
        """Whether it matches somewhere in the text. Raises TooMuchError."""
        return self._compiled.search(self._readable(text)) is not None

    def _readable(self, text: str) -> bytes:
        raw = text.encode("utf-8", "replace")
        if len(raw) > MOST_TEXT or (not self._simple and len(raw) * self.size > MOST_PRODUCT):
            raise TooMuchError
        return raw


def of_operator(text: str, *, strict: bool) -> Pattern:
    """One of Python's dialect, for whole texts. With `strict` it rather matches too seldom than too often: no dot
    matches a line break then. Raises UnreadableError, with what to write instead."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnreadableError(f"{error}") from error
    return Pattern(dialects.python(text, strict=strict), _OPERATORS_MEMORY, dot_all=not strict)


def of_server(text: str) -> Pattern | None:
    """One of JSON Schema's dialect; None when it cannot be read. Takes some milliseconds at most."""
    try:
        return Pattern(dialects.ecma(text), _SERVERS_MEMORY) if len(text) <= LONGEST else None
    except UnreadableError:
        return None
