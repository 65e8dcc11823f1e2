"""The names by which people appear to the model: in what is read at a time, no two people have the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Mapping

from bot.slack.text import speaker


def name_key(name: str) -> str:
    """Return a name in the form in which names are name_key: how it is written makes no difference."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).split())


class Speakers(Container[str]):
    """Who has which name. Display names are not unique in Slack, and anybody may change theirs."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: the display names of the people of a thread, by their ids."""
        self._owners: dict[str, list[str]] = {}
        for user, name in names.items():
            self._owners.setdefault(name_key(speaker(name)), []).append(user)

    def name(self, user: str, name: str) -> str:
        """Return a person's name; with their id if somebody else has that name, too."""
        cleaned = speaker(name)
        return cleaned if self._owners.get(name_key(cleaned), [user]) == [user] else f"{cleaned} {user}"

    def __contains__(self, name: object) -> bool:
        """Whether somebody has this name, in the form that `name_key` returns."""
        return name in self._owners
