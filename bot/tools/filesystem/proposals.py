"""Compares what two calls would leave in one file. Runs in a thread of the disk; never raises."""

from __future__ import annotations

from bot.core.json_text import JsonObject
from bot.core.tools import Tool
from bot.core.untrusted import items, mapping
from bot.tools.filesystem import diff
from bot.tools.filesystem.files import look
from bot.tools.filesystem.paths import Filesystem, RefusedError
from bot.tools.filesystem.preview import MAX_DIFF_CHARS
from bot.tools.text import sendable


def compared(files: Filesystem, before: tuple[Tool, JsonObject], after: tuple[Tool, JsonObject]) -> str:
    """Return the diff from what one call would leave in a file to what another one would. Empty if they are about
    different files, leave the same, or if that is not known."""
    earlier = _proposed(files, *before)
    now = _proposed(files, *after) if earlier is not None else None
    if earlier is None or now is None or earlier[0] != now[0]:
        return ""
    return diff.unified(earlier[1], now[1]) or ""


def _proposed(files: Filesystem, tool: Tool, arguments: JsonObject) -> tuple[str, str] | None:
    """Return the real path of the file that a call writes, and its content afterwards."""
    arguments = sendable(arguments)
    path = arguments.get("path")
    if tool.remote_name not in ("write_file", "edit_file") or not isinstance(path, str):
        return None
    try:
        place = files.place(path)
    except RefusedError:
        return None
    if tool.remote_name == "write_file":
        content = arguments.get("content")
        return (place.path, content) if isinstance(content, str) and len(content) <= MAX_DIFF_CHARS else None
    found = look(place, MAX_DIFF_CHARS).content
    try:
        text = None if found is None else found.decode()
    except UnicodeDecodeError:
        return None
    after = None if text is None else edited_text(text.replace("\r\n", "\n"), arguments.get("edits"))
    return None if after is None else (place.path, after)


def edited_text(text: str, edits: object) -> str | None:
    """Return a text after edits, made as the server makes them (dist/lib.js): the first place that is exactly the same.
    None if one fits nowhere: the server may still find a place with other white space."""
    for edit in map(mapping, items(edits)):
        old, new = edit.get("oldText"), edit.get("newText")
        if not isinstance(old, str) or not isinstance(new, str):
            return None
        old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
        if old not in text or len(text) + len(new) > MAX_DIFF_CHARS:
            return None
        text = text.replace(old, new, 1)
    return text
