"""What a standing grant for calls of the filesystem server may be bound to: a file or folders, and their names for
people. Runs in a thread."""

from __future__ import annotations

import os

from bot.core.json_text import JsonObject
from bot.core.questions.scope import FILE, FOLDER, Offer, Offers
from bot.core.tools import Tool
from bot.tools.filesystem import path_scope
from bot.tools.filesystem.paths import Filesystem, RefusedError
from bot.tools.text import line, sendable

_OF_ONE_FILE = ("read_file", "read_text_file", "read_media_file", "read_multiple_files", "write_file", "edit_file")
"""Tools whose paths are those of files."""
_ACTIONS = {
    "write_file": ("writing", ""),
    "edit_file": ("edits to", "edits"),
    "move_file": ("moving", "moves"),
    "create_directory": ("creating", ""),
}
"""What is allowed, and what several such calls are called. Other tools read."""
_FOLDERS = ("create_directory", "list_directory", "list_directory_with_sizes", "directory_tree")
"""Tools that are about folders."""
MAX_NAME = 200
"""Characters of a name."""


def offers(files: Filesystem, tool: Tool, arguments: JsonObject) -> Offers:
    """Return what a grant for such calls may be bound to, the narrowest first."""
    roots = files.roots()
    noun = "folder" if tool.remote_name in _FOLDERS else "file"
    found: list[Offer] = []
    one = _one_file(files, tool, arguments)
    if one:
        found.append(Offer(FILE, one, _name(one, roots)))
    for folder in path_scope.folders(files, tool, arguments):
        # If the server has only one folder, everything in it is every file.
        if len(roots) > 1 or folder not in roots or not found:
            found.append(Offer(FOLDER, folder, f"{noun}s in {_name(folder, roots)}/"))
    if not found:
        return Offers(comparable=False)
    action, several = _ACTIONS.get(tool.remote_name, ("reading", ""))
    return Offers(action, found, f"every {noun}", several, comparable=False)


def only(files: Filesystem, tool: Tool, arguments: JsonObject, file: str) -> bool:
    """Return whether all paths of a call certainly are this file. `file` is a real path that was resolved earlier: if a
    link or a folder is there now, the result is False."""
    try:
        # Whether a name in another case or Unicode form is the same file depends on the disk, and is not known here.
        same = not os.path.isdir(file) and os.path.realpath(file) == file
        return same and _one_file(files, tool, arguments) == file
    except (OSError, ValueError):
        return False


def _one_file(files: Filesystem, tool: Tool, arguments: JsonObject) -> str:
    """Return the real path of the only file that a call names; empty if there is none."""
    named = path_scope.paths(tool, arguments) if tool.remote_name in _OF_ONE_FILE else None
    try:
        found = {files.place(sendable(path)).path for path in named or ()}
    except (RefusedError, OSError, ValueError):
        return ""
    if len(found) != 1:
        return ""
    [path] = found
    return "" if os.path.isdir(path) else path


def _name(path: str, roots: list[str]) -> str:
    """Return what a path is called: relative to the server's folder, which is named only where there are several."""
    root = max((each for each in roots if path == each or path.startswith(each.rstrip("/") + "/")), key=len, default="")
    inner = path[len(root) :].strip("/") if root else os.path.basename(path)
    outer = os.path.basename(root)
    name = inner if len(roots) == 1 and inner else "/".join(part for part in (outer, inner) if part)
    return line(name or "the whole disk", MAX_NAME)
