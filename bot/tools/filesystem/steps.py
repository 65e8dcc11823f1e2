"""Says calls of the filesystem server as a colleague would: `Read release.md`, `Searched notes for budget`. Pure.

The tools and what they answer are those of @modelcontextprotocol/server-filesystem (dist/index.js, dist/lib.js).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from bot.core import tool_words
from bot.core.json_text import JsonObject
from bot.core.tool_words import Form, one_line
from bot.core.tools import Tool
from bot.tools.filesystem.diff import Tally

Shown = Callable[[str], str]
"""Returns a path as people read it."""

MAX_PATH = 80
"""Characters of a path in a step."""
NAMED = 3
"""Files that are named in one step; of more, the others are counted."""

NO_FOLDER = "its folder does not exist"

VERBS = {
    "read_file": ("Read", "a file"),
    "read_text_file": ("Read", "a file"),
    "read_media_file": ("Read", "a file"),
    "write_file": ("Wrote", "a file"),
    "edit_file": ("Edited", "a file"),
    "create_directory": ("Created", "a folder"),
    "list_directory": ("Listed", "a folder"),
    "list_directory_with_sizes": ("Listed", "a folder"),
    "directory_tree": ("Listed everything in", "a folder"),
    "get_file_info": ("Looked at", "a file"),
}
"""By tool: what was done, and with what if the call does not say."""
_CONTENT = ("read_file", "read_text_file", "read_media_file", "read_multiple_files")
"""Tools whose results are content of files."""
_FORMS = {
    "Read": ("read", "reading"),
    "Wrote": ("write", "writing"),
    "Edited": ("edit", "editing"),
    "Created": ("create", "creating"),
    "Listed": ("list", "listing"),
    "Looked": ("look", "looking"),
    "Searched": ("search", "searching"),
    "Tried": ("try", "trying"),
    "Moved": ("move", "moving"),
    "Renamed": ("rename", "renaming"),
}
"""The other forms of the verbs with which steps begin."""
_FOLDERS = ("create_directory", "list_directory", "list_directory_with_sizes", "directory_tree")
_HUNKS = re.compile(r"\s*(`{3,})diff\n(.*)\1\s*", re.DOTALL)
_CUT = re.compile(r"^\[… [\d,]+ characters left out …\]$", re.M)
_FAILURES = (
    (re.compile("could not find exact match"), "the text is not in it"),
    (re.compile("outside (?:the )?(?:allowed|folders)"), "outside its folders"),
    (re.compile("parent directory does not exist"), NO_FOLDER),
    (re.compile("eisdir"), "it is a folder"),
    (re.compile("enotdir"), "it is no folder"),
    (re.compile("enospc"), "the disk is full"),
)


def step(tool: Tool, arguments: JsonObject, shown: Shown, form: Form = Form.DONE) -> str:
    """Return a call as a step, as plain text."""
    remote = tool.remote_name
    path = _path(arguments, "path", shown)
    match remote:
        case "read_multiple_files":
            words = _read_several(arguments.get("paths"), shown)
        case "move_file":
            words = _moved(_path(arguments, "source", shown), _path(arguments, "destination", shown))
        case "search_files":
            sought = _sought(arguments.get("pattern"))
            words = f"Searched {path or 'a folder'}{f' for {sought}' if sought else ''}"
        case "list_allowed_directories":
            words = "Looked at which folders there are"
        case "edit_file" if arguments.get("dryRun") is True:
            words = f"Tried out an edit of {path or 'a file'}"
        case _ if remote in VERBS:
            verb, something = VERBS[remote]
            words = f"{verb} {_folder(path) if remote in _FOLDERS and path else path or something}"
        case _:
            return tool_words.step(tool, arguments, form)
    return _in_form(words, form)


def doing(tool: Tool, arguments: JsonObject, shown: Shown) -> str:
    """Return what a call that changes files does, within a sentence: `creating the folder drafts`."""
    verb, _, rest = step(tool, arguments, shown).partition(" ")
    if tool.remote_name == "create_directory":
        rest = f"the folder {rest.rstrip('/')}"
    return f"{_DOING.get(verb, verb)} {rest}"


_DOING = {"Created": "creating", "Wrote": "writing", "Edited": "editing", "Moved": "moving", "Renamed": "renaming"}


def without_machine(tool: Tool, text: str, ok: bool, relative: Shown) -> str:
    """Return a result with the paths in it made relative by `relative`, as far as they cannot be content of a file."""
    if ok and tool.remote_name in _CONTENT:
        return text
    if ok and tool.remote_name == "edit_file":
        head, hunk, rest = text.partition("\n@@ ")
        return relative(head) + hunk + rest
    return relative(text)


def outcome(tool: Tool, result: str, ok: bool) -> str:
    """Return what came of a call in a few words; empty if there is nothing worth saying."""
    if not ok:
        text = result[: tool_words.MAX_LOOKED_AT].lower()
        words = next((words for found, words in _FAILURES if found.search(text)), "") or tool_words.outcome(result, ok)
        # The file that is written need not exist, only its folder.
        return NO_FOLDER if tool.remote_name == "write_file" and words == "not found" else words
    match tool.remote_name:
        case "search_files":
            return _found(result)
        case "edit_file":
            return changed(result)
        case "list_directory" if not result.strip() or result == "(no output)":
            return "empty"
        case _:
            return ""


def changed(result: str) -> str:
    """Return how many lines an edit added and removed (`+1 −1`), from the diff that the server answers with; empty if
    the diff is incomplete or there is none."""
    found = _HUNKS.fullmatch(result)
    if found is None or _CUT.search(result):
        return ""
    lines = found[2].partition("\n@@")[2].split("\n")[1:]
    added, removed = (sum(each[:1] == sign for each in lines) for sign in "+-")
    return Tally(added=added, removed=removed).counts()


def _in_form(said: str, form: Form) -> str:
    """Return a step that was done in another form: `Listed notes/` becomes `Didn't list notes/`."""
    verb, _, rest = said.partition(" ")
    base, running = _FORMS[verb]
    match form:
        case Form.DONE:
            return said
        case Form.RUNNING:
            return f"{running.capitalize()} {rest}"
        case Form.NOT_DONE:
            return f"Didn't {base} {rest}"
        case Form.FAILED:
            return f"Couldn't {base} {rest}"
        case Form.WANTED:
            return f"{base.capitalize()} {rest}"


def _path(arguments: JsonObject, name: str, shown: Shown) -> str:
    """Return a path argument as people read it; of a long one its end. Empty if it is no path."""
    path = arguments.get(name)
    return _short(shown(path)) if isinstance(path, str) and path.strip() else ""


def _short(path: str) -> str:
    """Return a path on one line; of a long one its end."""
    kept = "".join(character if character.isprintable() else "\ufffd" for character in path[-MAX_PATH * 2 :])
    line = one_line(kept, MAX_PATH * 2)
    return line if len(line) <= MAX_PATH else f"…{line[-MAX_PATH + 1 :]}"


def _folder(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"


def _read_several(paths: object, shown: Shown) -> str:
    given = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    if not given:
        return "Read files"
    named: Sequence[str] = [_short(shown(path)) for path in (given if len(given) <= NAMED else given[: NAMED - 1])]
    rest = len(given) - len(named)
    if rest:
        return f"Read {', '.join(named)} and {rest:,} more files"
    return f"Read {' and '.join(filter(None, (', '.join(named[:-1]), named[-1])))}"


def _moved(source: str, destination: str) -> str:
    if not source or not destination:
        return "Moved a file or folder"
    same = os.path.dirname(source) == os.path.dirname(destination)
    return f"{'Renamed' if same else 'Moved'} {source} to {destination}"


def _sought(pattern: object) -> str:
    """Return what a search looks for, without the wildcards around it."""
    if not isinstance(pattern, str):
        return ""
    return one_line(pattern.removeprefix("**/").strip("*/")) or ""


def _found(result: str) -> str:
    lines = [each for each in result.split("\n") if each.strip()]
    if not lines or lines in (["No matches found"], ["(no output)"]):
        return "nothing found"
    more = "more than " if _CUT.search(result) else ""
    return f"{more}{len(lines) - (1 if more else 0):,} found"
