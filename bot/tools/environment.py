"""What a process that we start gets of our own environment: none of the secrets in it."""

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
    """What a server gets of the bot's own environment: what the SDK's `get_default_environment` gives it."""
    names = _WINDOWS if sys.platform == "win32" else _UNIX
    # A value that begins with () is a function of the shell.
    return {name: value for name in names if (value := os.environ.get(name)) and not value.startswith("()")}
