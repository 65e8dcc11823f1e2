"""A cursor that reads the text of an expression from left to right. Pure."""

from __future__ import annotations

from bot.patterns.characters import LAST
from bot.patterns.refused import UnsupportedPatternError


class Cursor:
    """A position in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _next(self) -> str:
        character = self._text[self._at : self._at + 1]
        self._at += 1
        return character

    def _ahead(self, text: str) -> bool:
        """Skip this text if it comes next. Returns whether it did."""
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _skip_to(self, end: str) -> None:
        self._at = self._text.find(end, self._at) + 1
        if not self._at:
            raise UnsupportedPatternError("a group has no end")

    def _unit(self) -> str:
        """Read `\\uXXXX`, and the second half if it starts a surrogate pair."""
        first = self._hexadecimal(4, surrogate=True)
        if not "\ud800" <= first <= "\udfff":
            return first
        if first <= "\udbff" and self._ahead("\\u"):
            second = self._hexadecimal(4, surrogate=True)
            if "\udc00" <= second <= "\udfff":
                return (first + second).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        raise UnsupportedPatternError("half a character (a lone surrogate) is no text")

    def _hexadecimal(self, digits: int, *, closing: int = 0, surrogate: bool = False) -> str:
        text = self._text[self._at : self._at + digits]
        self._at += digits + closing
        if len(text) != digits or not text.isalnum() or not text.isascii():
            raise UnsupportedPatternError("a character is named by a number that is none")
        try:
            number = int(text, 16)
        except ValueError as error:
            raise UnsupportedPatternError("a character is named by a number that is none") from error
        if number > LAST or (0xD800 <= number <= 0xDFFF and not surrogate):
            raise UnsupportedPatternError("a character is named by a number that no character has")
        return chr(number)
