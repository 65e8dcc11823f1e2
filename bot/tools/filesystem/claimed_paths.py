"""Determines which files a call concerns, as the names by which calls of all servers exclude each other."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress

from bot.core.json_text import JsonObject
from bot.core.ports.change_guard import Claim
from bot.core.tools import Tool
from bot.tools.filesystem.files import missing
from bot.tools.filesystem.paths import Filesystem, RefusedError
from bot.tools.text import sendable

MAX_PATH_CHARS = 4_000
"""Characters of the paths of one call that are resolved one by one."""


def claim(files: Filesystem, tool: Tool, arguments: JsonObject) -> Claim:
    """Return what a call may change: real paths, and inodes of files with several names. If the server would reject one
    of the paths, return all of its folders. Runs in a thread."""
    names = ("source", "destination") if tool.remote_name == "move_file" else ("path",)
    given = [arguments.get(name) for name in names]
    try:
        places = [files.place(sendable(path)) for path in given if isinstance(path, str)]
    except RefusedError:
        places = []
    if len(places) < len(names):
        try:
            return of_paths(files.roots())
        except RefusedError:  # without folders it has no files
            return frozenset()
    if tool.remote_name == "create_directory":
        # Missing parent folders are created too.
        places = missing(places[0])[:1] or places
    return of_paths(place.path for place in places)


def reading(files: Filesystem, paths: Sequence[str]) -> Claim:
    """Return what a call with these path arguments may read, in the same form; for very many paths, all of the server's
    folders. Runs in a thread."""
    try:
        if sum(map(len, paths)) > MAX_PATH_CHARS:
            return of_paths(files.roots())
        return of_paths(files.place(sendable(path)).path for path in paths)
    except RefusedError:  # the server will not read it either
        return frozenset()


def of_paths(paths: Iterable[str]) -> Claim:
    """Return the claim on real paths. Runs in a thread."""
    kept = list(paths)
    found = set(of_names(kept))
    for path in kept:
        with suppress(OSError, ValueError):
            status = os.stat(path)
            if status.st_nlink > 1 and not os.path.isdir(path):
                found.add(f"inode {status.st_dev}:{status.st_ino}")
    return frozenset(found)


def of_names(paths: Iterable[str]) -> Claim:
    """Return the claim on the names of real paths, for what replaces a name and changes no other name of the same file.
    Without disk access."""
    # On some disks, names that differ in case or Unicode form are the same file; elsewhere this claims too much.
    return frozenset(unicodedata.normalize("NFC", unicodedata.normalize("NFKC", path).casefold()) for path in paths)
