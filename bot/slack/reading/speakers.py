"""Gives the participants of a thread distinct names for the model."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Mapping

from bot.slack.text import speaker


def name_key(name: str) -> str:
    """Return a name normalized for comparison: case, accents, width and spacing make no difference."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


class Speakers(Container[str]):
    """The names of a thread's participants. Display names are not unique in Slack, and anybody may change theirs."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: the display names of the people of a thread, by their ids."""
        self._owners: dict[str, list[str]] = {}
        for user, name in names.items():
            self._owners.setdefault(name_key(speaker(name)), []).append(user)

    def name(self, user: str, name: str) -> str:
        """Return a person's name, with their id appended if another participant has the same name."""
        cleaned = speaker(name)
        return cleaned if self._owners.get(name_key(cleaned), [user]) == [user] else f"{cleaned} {user}"

    def __contains__(self, name: object) -> bool:
        """Return whether a participant has this name, in the form that `name_key` returns."""
        return name in self._owners
