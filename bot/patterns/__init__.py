"""Untrusted regular expressions, run on RE2, which takes linear time.

Python's `re` backtracks: `^(a+)+$` needs hours for 40 characters and holds the GIL meanwhile. RE2 reads a text once.
Its speed still depends on the expression: if the automaton is too large to be cached, each character costs time
proportional to the size of the expression. Therefore the product of both sizes is limited as well.
"""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

from bot.patterns import dialects
from bot.patterns.refused import UnsupportedPatternError

__all__ = ["Pattern", "TextTooLongError", "UnsupportedPatternError", "compile_ecma", "compile_python"]

MAX_PATTERN_CHARS: Final = 2000
"""The maximum length of a server's expression, in characters."""
MAX_TEXT_CHARS: Final = 4_000_000
"""The maximum length of a text for an expression with a small automaton, in bytes (about 10 ms)."""
MAX_PRODUCT: Final = 4_000_000
"""The maximum product of instructions and bytes for any other expression (about 30 ms)."""
_LARGE: Final = 4000
"""Instructions above which an automaton counts as large; `\\w` has 700."""
_OPERATORS_MEMORY: Final = 8 << 20
_SERVERS_MEMORY: Final = 1 << 20


class TextTooLongError(ValueError):
    """The text is too long to be matched against this expression on the event loop."""


class Pattern:
    """A compiled regular expression."""

    __slots__ = ("_compiled", "_key", "_simple", "size")

    def __init__(self, translation: dialects.Translation, memory: int, *, dot_all: bool = False) -> None:
        """Compile a translated expression. Raises UnsupportedPatternError if RE2 rejects it."""
        import re2  # noqa: PLC0415 - loaded only if expressions are used

        options = re2.Options()
        options.max_mem, options.never_capture, options.log_errors = memory, True, False
        options.dot_nl = dot_all
        try:
            self._compiled: Any = re2.compile(translation.text.encode(), options)
        except re2.error as error:
            said = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
            raise UnsupportedPatternError(said[:200]) from error
        self._key = (translation.text, dot_all)
        self.size: int = self._compiled.programsize
        """Instructions."""
        self._simple = translation.simple and self.size <= _LARGE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def cost(self, text: str) -> int:
        """Return the approximate maximum time to match the text, in microseconds."""
        if self._simple:
            return 5 + self.size // 64 + len(text) // 200
        return 5 + self.size // 12 + self.size * len(text) // 120

    def fullmatch(self, text: str, /) -> bool:
        """Return whether it matches the whole text. Raises TextTooLongError."""
        return self._compiled.fullmatch(self._readable(text)) is not None

    def search(self, text: str, /) -> bool:
        """Return whether it matches anywhere in the text. Raises TextTooLongError."""
        return self._compiled.search(self._readable(text)) is not None

    def _readable(self, text: str) -> bytes:
        raw = text.encode("utf-8", "replace")
        if len(raw) > MAX_TEXT_CHARS or (not self._simple and len(raw) * self.size > MAX_PRODUCT):
            raise TextTooLongError
        return raw


def compile_python(text: str, *, strict: bool) -> Pattern:
    """Compile an operator's expression, in Python's dialect, for use with `fullmatch`.

    With `strict`, doubtful cases do not match, and a dot does not match a line break; without, both do. Raises
    UnsupportedPatternError, whose message says what to write instead.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnsupportedPatternError(f"{error}") from error
    return Pattern(dialects.python(text, strict=strict), _OPERATORS_MEMORY, dot_all=not strict)


def compile_ecma(text: str) -> Pattern | None:
    """Compile an expression of a JSON Schema; None if it is not supported. Takes a few milliseconds at most."""
    try:
        return Pattern(dialects.ecma(text), _SERVERS_MEMORY) if len(text) <= MAX_PATTERN_CHARS else None
    except UnsupportedPatternError:
        return None
