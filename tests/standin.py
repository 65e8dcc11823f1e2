"""Where a bot finds the stand-in for the filesystem server: as the installed package of it, and as its `node`.

The bot need not know: it starts `node …/server-filesystem/dist/index.js FOLDER` as ever, only that both are others.
Whatever else is to be run by `node` is run by the real one.
"""

from __future__ import annotations

import json
import py_compile
import sys
import tempfile
from functools import cache
from pathlib import Path

from bot.tools.filesystem import default_server

PROGRAM = Path(__file__).parent / "unit" / "tools" / "servers" / "filesystem.py"
TOOLS = PROGRAM.with_suffix(".json")
"""What the program finds beside itself."""
SCRIPT = """#!/bin/sh
case $1 in
    --version) echo v{version}.0.0 ;;
    {server}) exec {python} -S -E -I -u "$@" ;;
    *) PATH=${{PATH#{programs}:}}; exec node "$@" ;;
esac
"""


def install(folder: Path) -> tuple[Path, Path]:
    """Put it into this folder. Out: the folder for the PATH, and the file that counts as the installed server."""
    node = folder / "bin" / "node"
    node.parent.mkdir(parents=True)
    package = folder / "node_modules" / default_server.PACKAGE
    server = package / "dist" / "index.js"
    python = Path(sys.executable).resolve()
    node.write_text(
        SCRIPT.format(version=default_server.OLDEST_NODE, python=python, server=server, programs=node.parent)
    )
    node.chmod(0o755)
    server.parent.mkdir(parents=True)
    # Compiled once: Python would do that at each start, for as long as all else that the program does until it is up.
    py_compile.compile(str(PROGRAM), str(server), doraise=True)
    (server.parent / TOOLS.name).symlink_to(TOOLS)
    (package / "package.json").write_text(
        json.dumps({"name": default_server.PACKAGE, "version": default_server.pinned_version()})
    )
    return node.parent, server


def command(workspace: Path) -> tuple[str, tuple[str, ...]]:
    """The command and its arguments that serve this folder, for an mcp.json; as the one of `default_server`."""
    programs, server = installed()
    return str(programs / "node"), (str(server), str(workspace))


@cache
def installed() -> tuple[Path, Path]:
    """The one of this process, as `install` says where it is; removed at its end."""
    folder = tempfile.TemporaryDirectory(prefix="bot-stand-in-")
    _folders.append(folder)
    return install(Path(folder.name))


_folders: list[tempfile.TemporaryDirectory[str]] = []
