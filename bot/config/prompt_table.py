"""Reads the system prompts that `[agent]` of bot.toml names."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from bot.config.toml_file import KeyPath, Table, TomlFile
from bot.core.prompt_template import PLACEHOLDERS, Prompts, Template, TemplateError, parse

KEYS = ("prompt", "channels")
"""The keys of `[agent]` that are read here."""
MAX_BYTES = 100_000
"""A prompt goes with every request: a longer one is probably the wrong file."""

_CHANNEL = re.compile(r"[CGD][A-Z0-9]+")


def prompts(file: TomlFile, agent: Table, folder: Path) -> Prompts:
    """Return the prompts of `[agent] prompt` and `[agent.channels.C…] prompt`; `folder` is that of bot.toml.

    Raises SettingsError with the line of the setting if a file cannot be used.
    """
    place: KeyPath = ("agent", "channels")
    channels: dict[str, Template] = {}
    table = file.table(agent, place)
    for channel in table:
        at = (*place, channel)
        if not _CHANNEL.fullmatch(channel):
            raise file.wrong(at, "is not the id of a channel (C…)")
        own = file.table(table, at)
        file.known(own, at, ("prompt",))
        if "prompt" in own:
            channels[channel] = _read(file, own, (*at, "prompt"), folder)
    everywhere = _read(file, agent, ("agent", "prompt"), folder) if "prompt" in agent else None
    return Prompts(everywhere, channels)


def _read(file: TomlFile, table: Table, place: KeyPath, folder: Path) -> Template:
    """Return the template in the file that a setting names."""
    named = file.text(table, place)
    if not named:
        raise file.wrong(place, "must be the path of a file")
    path = folder / Path(named).expanduser()
    try:
        # A device or a pipe would be read without end.
        if not path.is_file():
            raise file.wrong(place, f"names {path}, which {'is no file' if path.exists() else 'does not exist'}")
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise file.wrong(place, f"names {path}, which is larger than {MAX_BYTES:,} bytes")
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        raise file.wrong(place, f"names {path}, which cannot be read: {error}") from error
    if not text.strip() or "\0" in text:
        raise file.wrong(place, f"names {path}, which {'is no text' if text.strip() else 'is empty'}")
    try:
        return parse(text)
    except TemplateError as error:
        near = get_close_matches(error.name, PLACEHOLDERS, n=1)
        meant = f"Did you mean {{{near[0]}}}? " if near else ""
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        problem = (
            f"names {path}, which has the unknown placeholder {{{error.name}}} on line {error.line}. {meant}Those that "
            f"are known are {known}; write {{{{{error.name}}}}} for the word itself"
        )
        raise file.wrong(place, problem) from error
