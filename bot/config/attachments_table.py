"""Reads the table [attachments] of bot.toml."""

from __future__ import annotations

from bot.config.toml_file import TomlFile
from bot.core.attachments import AttachmentLimits, FileKind

MOST_MB = 100.0
"""A file is in memory while it is read."""


def read(file: TomlFile) -> AttachmentLimits:
    """Return the limits. Raises SettingsError."""
    place, defaults = ("attachments",), AttachmentLimits()
    table = file.table(file.document, place)
    file.known(table, place, ("max_mb", "keep_days", "keep_mb", "inputs"))
    inputs = file.texts(table, (*place, "inputs"))
    for item in inputs:
        if item not in list(FileKind):
            raise file.wrong((*place, "inputs"), f"contains {item!r}, which is not one of {', '.join(FileKind)}")
    limits = AttachmentLimits(
        max_mb=file.number(table, (*place, "max_mb"), defaults.max_mb),
        keep_days=file.number(table, (*place, "keep_days"), defaults.keep_days),
        keep_mb=file.number(table, (*place, "keep_mb"), defaults.keep_mb),
        inputs=inputs,
    )
    if limits.max_mb > MOST_MB:
        raise file.wrong((*place, "max_mb"), f"must not be more than {MOST_MB:g}")
    return limits
