"""Determines where the paths of a call lie, for rules and grants that are bound to a folder. Fast enough for the event
loop.

Folders are compared by device and inode on the way up, not by name, as long as the disk can be asked. So `..`, symbolic
links and names in another case or Unicode form cannot escape.
"""

from __future__ import annotations

import os
import unicodedata

from bot.core.json_text import JsonObject
from bot.core.tools import Tool
from bot.tools.filesystem.paths import Filesystem, RefusedError, normal, within
from bot.tools.text import sendable

MAX_FOLDERS = 5

_PATHS = {
    **dict.fromkeys(
        (
            "read_file",
            "read_text_file",
            "read_media_file",
            "write_file",
            "edit_file",
            "create_directory",
            "list_directory",
            "list_directory_with_sizes",
            "directory_tree",
            "search_files",
            "get_file_info",
        ),
        ("path",),
    ),
    "read_multiple_files": ("paths",),
    "move_file": ("source", "destination"),
    "list_allowed_directories": (),
}
"""The path arguments of the filesystem server's tools (dist/index.js)."""


def paths(tool: Tool, arguments: JsonObject) -> list[str] | None:
    """Return the path arguments of a call of a filesystem server; None for an unknown tool, or for arguments that are
    not paths."""
    names = _PATHS.get(tool.remote_name)
    if names is None:
        return None
    found: list[object] = []
    for name in names:
        value = arguments.get(name)
        found.extend(value if name == "paths" and isinstance(value, list) else [value])
    texts = [path for path in found if isinstance(path, str)]
    return texts if len(texts) == len(found) else None


def inside(files: Filesystem | None, path: str, folder: str, *, real: bool = False) -> bool | None:
    """Whether a path is a folder or lies in it, with symbolic links resolved; None if unknown.

    In: the files of the tool's server; None for other servers, of whose paths only absolute ones are known to refer to
    this machine. A relative folder is relative to the server's first folder. With `real`, the folder is a real path
    that was resolved earlier: if a link is on it now, it is a different folder, and the result is unknown.
    """
    try:
        path, folder = sendable(path), sendable(folder)
        if real and (not folder.startswith("/") or os.path.realpath(folder) != folder):
            return None
        resolved = files.place(path).path if files is not None else _real(path)
        wanted = _folder(files, folder)
        return None if resolved is None or wanted is None else _lies(resolved, wanted)
    except (RefusedError, OSError, ValueError):
        return None


def folders(files: Filesystem, tool: Tool, arguments: JsonObject) -> list[str]:
    """Return the folders that contain everything a call names, absolute, the narrowest first; empty if there is
    none."""
    named = paths(tool, arguments)
    if not named:
        return []
    try:
        places = [files.place(sendable(path)) for path in named]
    except RefusedError:
        return []
    root = places[0].root
    if any(place.root != root for place in places):
        return []
    # A folder whose content is read contains itself; one that is moved does not.
    moved = tool.remote_name == "move_file"
    holding = [
        place.path if not place.parts or (os.path.isdir(place.path) and not moved) else place.parent.path
        for place in places
    ]
    folder = os.path.commonpath(holding)
    while folder != root and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    found = [folder]
    while found[-1] != root and len(found) < MAX_FOLDERS:
        found.append(os.path.dirname(found[-1]))
    return found


def _folder(files: Filesystem | None, folder: str) -> str | None:
    """Return the real path of a folder in a rule or a grant."""
    folder = os.path.expanduser(folder)
    if files is None or folder.startswith("/"):
        try:
            if files is not None:
                return files.place(folder).path
        except RefusedError:
            pass
        return _real(folder)
    roots = files.roots()
    return files.place(normal(f"{roots[0]}/{folder}")).path if roots else None


def _real(path: str) -> str | None:
    """Return an absolute path with its links resolved, as far as it exists. Programs differ in whether `..` follows a
    link or removes its name: where that matters, the result is unknown."""
    if not path.startswith("/") or "\0" in path:
        return None
    real = os.path.realpath(path)
    return real if os.path.realpath(normal(path)) == real else None


def _lies(path: str, folder: str) -> bool | None:
    try:
        wanted = os.stat(folder)
    except FileNotFoundError:
        if within(path, folder):
            return True
        # It does not exist yet, so the disk cannot show whether the two names are the same.
        return None if within(_folded(path), _folded(folder)) else False
    while True:
        try:
            if os.path.samestat(os.stat(path), wanted):
                return True
        except FileNotFoundError:
            pass
        if path == "/":
            return False
        path = os.path.dirname(path)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold())
