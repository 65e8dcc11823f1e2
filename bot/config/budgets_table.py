"""Reads [budgets] of bot.toml, and who may allow more."""

from __future__ import annotations

from bot.config.toml_file import MAX_NUMBER, KeyPath, Table, TomlFile
from bot.core.budget import Budget, Caps
from bot.core.policy.approvers import is_group, is_user

_NAMES = tuple(each.value for each in Budget)


def caps(file: TomlFile) -> Caps:
    """Return the caps in US dollars. Raises SettingsError, with the line, for one that is no amount."""
    place: KeyPath = ("budgets",)
    table = file.table(file.document, place)
    file.known(table, place, _NAMES)
    return Caps(**{name: _amount(file, table[name], (*place, name)) for name in _NAMES if name in table})


def _amount(file: TomlFile, value: object, place: KeyPath) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER:
        return float(value)
    wanted = f"must be an amount in US dollars from 0 to {MAX_NUMBER:,.0f}, written as a number such as 2.5"
    raise file.wrong(place, wanted)


def operators(file: TomlFile, agent: Table) -> tuple[str, ...]:
    """Return the ids of the people and user groups in `[agent] operators`."""
    place: KeyPath = ("agent", "operators")
    found = file.texts(agent, place)
    for each in found:
        if not is_user(each) and not is_group(each):
            raise file.wrong(place, f"contains {each!r}, which is not the id of a person (U… or W…) or a group (S…)")
    return tuple(dict.fromkeys(found))
