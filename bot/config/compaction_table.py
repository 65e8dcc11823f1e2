"""Reads what bot.toml says about long threads, from the table [models]."""

from __future__ import annotations

from bot.config.toml_file import TomlFile
from bot.core.compaction import CompactionSettings

KEYS = ("summary", "context")
MIN_CONTEXT = 1_000


def read(file: TomlFile) -> CompactionSettings:
    """Return the settings. Raises SettingsError."""
    table = file.table(file.document, ("models",))
    context = file.whole(table, ("models", "context"), MIN_CONTEXT) if "context" in table else None
    if context is not None and context < MIN_CONTEXT:
        raise file.wrong(("models", "context"), f"must be at least {MIN_CONTEXT:,} tokens")
    return CompactionSettings(file.text(table, ("models", "summary")), context)
