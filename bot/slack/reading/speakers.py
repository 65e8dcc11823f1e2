"""Gives the participants of a thread distinct names for the model."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Mapping

from bot.slack.text import is_hidden, speaker

_CAPITALS = {ord("\N{GREEK CAPITAL LETTER NU}"): "n"}
"""Those whose small form looks like another letter."""
_ALIKE = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u04cf\u0501\u051d\u0475\u04af"
    "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03f2\u03bc\u03b6\u03c2\u0585\u057d\u0578\u0570\u0131\u0269i10",
    "abekmhopctyxsljldwvyabehlkvoptyxycmzcounhllllo",
)
"""Letters of other scripts, and digits, that look like Latin letters (unicode.org/reports/tr39, the most common)."""


_MARKS = " \t*_~`>#@\"'-"


def name_key(name: str) -> str:
    """Return a name normalized for comparison: case, accents, width, invisible characters, spaces and punctuation make
    no difference."""
    return "".join(map(_plain, name)) or " ".join(name.strip(_MARKS).split())


class _Plain(dict[str, str]):
    """The part of `name_key` for each character, cached."""

    MAX_ENTRIES = 30_000

    def __missing__(self, character: str) -> str:
        if len(self) >= self.MAX_ENTRIES:
            self.clear()
        folded = unicodedata.normalize("NFKD", character.translate(_CAPITALS).casefold()).translate(_ALIKE)
        kept = "" if is_hidden(character) else "".join(each for each in folded if each.isalnum())
        found = self[character] = kept.casefold()
        return found


_plain = _Plain().__getitem__

OURS = frozenset(map(name_key, ("from the app", "you", "slack", "somebody", "this app")))
"""How notes by the app itself begin, and the names of authors other than people."""


class Speakers(Container[str]):
    """The names of a thread's participants. Display names are not unique in Slack, and anybody may change theirs."""

    def __init__(self, names: Mapping[str, str], others: Iterable[str] = ()) -> None:
        """`names`: the display names of the people of a thread, by their ids; `others`: those of apps and workflows."""
        cleaned = {user: speaker(name) for user, name in names.items()}
        self._owners: dict[str, list[str]] = {}
        for user, name in cleaned.items():
            self._owners.setdefault(name_key(name), []).append(user)
        self._with_ids = {name_key(f"{name} {user}") for user, name in cleaned.items()}
        self._known = {*OURS, *self._owners, *self._with_ids, *(name_key(speaker(name)) for name in others)}

    def name(self, user: str, name: str) -> str:
        """Return a person's name, with their id appended if another participant has the same name, or if it is not one
        for people."""
        cleaned = speaker(name)
        known = name_key(cleaned)
        is_clear = known not in OURS and known not in self._with_ids and self._owners.get(known, [user]) == [user]
        return cleaned if is_clear else f"{cleaned} {user}"

    def __contains__(self, name: object) -> bool:
        """Return whether a participant has this name, in the form that `name_key` returns."""
        return name in self._known
