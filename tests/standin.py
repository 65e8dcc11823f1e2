"""Where a bot finds the stand-in for the filesystem server: as the installed package of it, and as its `node`.

The bot need not know: it starts `node …/server-filesystem/dist/index.js FOLDER` as ever, only that both are others.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bot.tools import default

PROGRAM = Path(__file__).parent / "tools" / "servers" / "filesystem.py"
SCRIPT = """#!/bin/sh
if [ "$1" = --version ]; then echo v{version}.0.0; else exec {python} -S -E -I -u "$@"; fi
"""


def install(folder: Path) -> tuple[Path, Path]:
    """Put it into this folder. Out: the folder for the PATH, and the file that counts as the installed server."""
    node = folder / "bin" / "node"
    node.parent.mkdir(parents=True)
    node.write_text(SCRIPT.format(version=default.OLDEST_NODE, python=Path(sys.executable).resolve()))
    node.chmod(0o755)
    package = folder / "node_modules" / default.PACKAGE
    server = package / "dist" / "index.js"
    server.parent.mkdir(parents=True)
    server.symlink_to(PROGRAM)
    (package / "package.json").write_text(json.dumps({"name": default.PACKAGE, "version": default.pinned_version()}))
    return node.parent, server
