"""Syntax that RE2 does not support, and what to write instead."""

from __future__ import annotations

from typing import Final


class UnsupportedPatternError(ValueError):
    """RE2 does not support the expression. The message says what to write instead."""


BACKREFERENCE: Final = r"a backreference (\1, (?P=name)) is not supported; write out what is to be repeated"
_LOOK: Final = (
    "lookahead and lookbehind ((?=…), (?!…), (?<=…), (?<!…)) are not supported; write what is to match, and put a "
    "separate rule above this one for what is not to match"
)
REFUSED: Final = {
    "=": _LOOK,
    "!": _LOOK,
    "<=": _LOOK,
    "<!": _LOOK,
    "P=": BACKREFERENCE,
    "P>": "a call of another group is not supported; write out what is to be repeated",
    "(": "a condition ((?(1)…|…)) is not supported; write the two cases with |",
    ">": "an atomic group ((?>…)) is not supported; write (?:…)",
    "|": "(?|…) is not supported; write (?:…)",
}
