"""Lets messages of a bot in tests change without the 3 s that Slack wants between two changes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

SETTING = "progress_every_seconds"
LINE = f"{SETTING} = 0.05"
_TABLE = re.compile(r"^\[limits\][^\S\n]*$", re.MULTILINE)


def allow(home: Path, environment: Mapping[str, str]) -> None:
    """Add the setting to the `bot.toml` of a bot, unless a test has chosen it or has a file that is wrong."""
    path = home / "bot.toml"
    text = path.read_text("utf-8") if path.exists() else ""
    if SETTING in text or "BOT_CONFIG" in environment:
        return
    try:
        has_limits = "limits" in tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if not has_limits:
        path.write_text(f"{text}\n[limits]\n{LINE}\n", "utf-8")
    elif _TABLE.search(text):
        path.write_text(_TABLE.sub(f"[limits]\n{LINE}", text, count=1), "utf-8")
