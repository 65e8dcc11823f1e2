"""The built files of the page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox</title>
<p>The page has not been built. Run <code>make page</code> in the project's folder, then load this again.</p></html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """The bytes of a file and its content type."""

    content: bytes
    kind: str


class Assets:
    """The files of `static`, read once; those of another folder are read again with each look at the page."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, Asset] | None = None

    async def get(self, name: str) -> Asset | None:
        """A file by its path below the folder, the page itself by ""; None when there is none."""
        if self._files is None or (self._folder is not None and not name):
            self._files = await asyncio.to_thread(self._read)
        if not name:
            return self._files.get("index.html") or Asset(NOT_BUILT.encode(), _TYPES["html"])
        return self._files.get(name)

    def _read(self) -> dict[str, Asset]:
        root: Traversable = self._folder or resources.files("slack_sandbox.page") / "static"
        files: dict[str, Asset] = {}
        _gather(root, "", files)
        return files


def _gather(folder: Traversable, prefix: str, files: dict[str, Asset]) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            _gather(entry, f"{prefix}{entry.name}/", files)
        else:
            kind = _TYPES.get(entry.name.rpartition(".")[2].lower(), "application/octet-stream")
            files[prefix + entry.name] = Asset(entry.read_bytes(), kind)
