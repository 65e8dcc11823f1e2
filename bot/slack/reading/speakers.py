"""The names by which people appear to the model in a thread: no two people have the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field

from bot.slack.text import speaker

MOST = 1_000
"""Names that are remembered."""


def compared(name: str) -> str:
    """Return a name in the form in which names are compared: how it is written makes no difference."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


@dataclass(slots=True)
class Speakers(Container[str]):
    """Who has which name. Display names are not unique in Slack, and anybody may change theirs."""

    _owners: dict[str, str] = field(default_factory=dict[str, str])

    def name(self, user: str, name: str) -> str:
        """Return a person's name; with their id if somebody else has that name."""
        cleaned = speaker(name)
        owner = self._owners.setdefault(compared(cleaned), user)
        if len(self._owners) > MOST:
            del self._owners[next(iter(self._owners))]
        return cleaned if owner == user else f"{cleaned} {user}"

    def __contains__(self, name: object) -> bool:
        """Whether somebody has this name, in the form that `compared` returns."""
        return name in self._owners
