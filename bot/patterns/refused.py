"""What RE2 cannot do, and what to write instead."""

from __future__ import annotations

from typing import Final


class UnreadableError(ValueError):
    """RE2 has no word for this. The message says what, and what to write instead."""


BACKREFERENCE: Final = r"a backreference (\1, (?P=name)) is not possible; write out what is to be repeated"
_LOOK: Final = (
    "looking ahead or behind ((?=…), (?!…), (?<=…), (?<!…)) is not possible; write what is to match, and a rule of its "
    "own above this one for what is not"
)
REFUSED: Final = {
    "=": _LOOK,
    "!": _LOOK,
    "<=": _LOOK,
    "<!": _LOOK,
    "P=": BACKREFERENCE,
    "P>": "a call of another group is not possible; write out what is to be repeated",
    "(": "a condition ((?(1)…|…)) is not possible; write the two cases with |",
    ">": "an atomic group ((?>…)) is not possible; write (?:…)",
    "|": "(?|…) is not possible; write (?:…)",
}
