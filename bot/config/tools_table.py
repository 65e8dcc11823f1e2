"""Reads [tools] of bot.toml: how tools are offered to the model."""

from __future__ import annotations

from bot.config.toml_file import KeyPath, TomlFile
from bot.core.tool_settings import ToolSettings

_PLACE: KeyPath = ("tools",)


def read(file: TomlFile) -> ToolSettings:
    """Return the settings. Raises SettingsError, with the line, for one that is no flag."""
    table = file.table(file.document, _PLACE)
    file.known(table, _PLACE, ("search", "resources"))
    search = file.flag(table, (*_PLACE, "search"), default=False) if "search" in table else None
    return ToolSettings(search, file.flag(table, (*_PLACE, "resources"), default=False))
