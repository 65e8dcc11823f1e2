"""Determines which environment variables a child process inherits: none that may hold a secret."""

from __future__ import annotations

import os
import sys
from typing import Final

_UNIX: Final = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")
_WINDOWS: Final = (
    *("APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATH", "PATHEXT", "PROCESSOR_ARCHITECTURE"),
    *("SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "USERNAME", "USERPROFILE"),
)


def inherited() -> dict[str, str]:
    """Return the variables of the bot's environment that a server inherits, as the SDK's `get_default_environment`
    does."""
    names = _WINDOWS if sys.platform == "win32" else _UNIX
    # A value that begins with () is a shell function.
    return {name: value for name in names if (value := os.environ.get(name)) and not value.startswith("()")}
