"""Lets messages of a bot in tests change without the 3 s that Slack wants between two changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bot.config import bot_toml
from bot.errors import SettingsError

SETTING = "progress_every_seconds"
SECONDS = 0.05
_TABLE = re.compile(r"^\[limits\][^\S\n]*$", re.MULTILINE)


def allow(home: Path, environment: Mapping[str, str]) -> None:
    """Add the setting to the `bot.toml` of a bot, unless a test has chosen it or the file has an error."""
    path = home / "bot.toml"
    text = path.read_text("utf-8") if path.exists() else ""
    if SETTING in text or "BOT_CONFIG" in environment:
        return
    try:
        bot_toml.load(path if text else None)
    except SettingsError:
        return
    if _TABLE.search(text):
        text = _TABLE.sub(f"[limits]\n{SETTING} = {SECONDS}", text, count=1)
    else:
        text = f"{text}\n[limits]\n{SETTING} = {SECONDS}\n"
    path.write_text(text, "utf-8")
