"""Previews what a call of the filesystem server would do to the current files, with a digest of what that is based on.

The behavior of the four tools is taken from the server's source (dist/index.js and dist/lib.js): write_file replaces
the whole file, edit_file converts every CRLF in it to LF, move_file never overwrites, create_directory creates parents
too.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.core.json_text import JsonObject, sha256
from bot.core.tools import CallResult, DeliveryStatus, Preview, Tool
from bot.tools.disk import SECONDS as LOOK_SECONDS
from bot.tools.disk import DiskTimeoutError
from bot.tools.filesystem import diff
from bot.tools.filesystem.diff import counted
from bot.tools.filesystem.files import Kind, State, look, missing
from bot.tools.filesystem.paths import Filesystem, RefusedError, ResolvedPath, within
from bot.tools.text import line, sendable

TOOLS = ("write_file", "edit_file", "move_file", "create_directory")
MAX_DIFF_CHARS = 1024 * 1024
"""Bytes of either text; longer ones are described in words."""
MAX_EDITED_CHARS = 8 * 1024 * 1024
"""Bytes of a file that is edited. A longer one is described in words too: diffing it would take too long."""
DRY_RUN_SECONDS = 5.0

_FENCED = re.compile(r"\s*(`{3,})diff\n(.*)\1\s*", re.DOTALL)

DryRun = Callable[[JsonObject], Awaitable[CallResult]]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a call would change, and its current state."""

    basis: str
    places: tuple[ResolvedPath, ...] = ()
    states: tuple[State, ...] = ()
    """Of the places, followed by their folders, that of the last place first."""
    missing: tuple[ResolvedPath, ...] = ()
    """Folders that the call would create."""
    refused: str = ""


async def basis(files: Filesystem, tool: Tool, arguments: JsonObject) -> str:
    """Return the digest of the current state of what the call would change. Never raises; a state that cannot be read
    has a digest too."""
    try:
        return (await files.disk.run(see, files, tool, arguments)).basis
    except DiskTimeoutError:
        return sha256("no answer")


async def preview(files: Filesystem, tool: Tool, arguments: JsonObject, dry_run: DryRun) -> Preview:
    """Return what the call would do. In: a tool of TOOLS, and a function that makes the dry run. Never raises."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            if tool.remote_name == "edit_file":
                return await _edit(files, tool, sendable(arguments), dry_run)
            return await files.disk.run(_shown, files, tool, arguments)
    except (TimeoutError, DiskTimeoutError):
        words = "The files could not be looked at in time."
        return Preview(sha256("no answer"), words, broken=words)
    except RecursionError:
        return Preview(sha256("refused"), "", broken="The arguments are nested too deeply.")


def see(files: Filesystem, tool: Tool, arguments: JsonObject, keep: int = 0) -> Sight:
    """Return the current state of what the call would change, with the content of files up to `keep` bytes. Runs in a
    thread; never raises."""
    names = ("source", "destination") if tool.remote_name == "move_file" else ("path",)
    given = [arguments.get(name) for name in names]
    marks = [tool.remote_name]
    places: list[ResolvedPath] = []
    for name, path in zip(names, given, strict=True):
        if not isinstance(path, str):
            return Sight(sha256("refused", *marks), refused=f"The argument {name} is no path.")
        try:
            places.append(files.place(sendable(path)))
        except RefusedError as problem:
            return Sight(sha256("refused", *marks), refused=f"The path {path} cannot be used: {problem}.")
        marks.append(places[-1].path)
    states = [look(place, keep) for place in places]
    absent: list[ResolvedPath] = []
    if tool.remote_name == "create_directory":
        absent = missing(places[0])
        deepest = absent[0].parent if absent else places[0]
        marks += [states[0].kind, deepest.path, look(deepest).kind]
    else:
        marks += [
            mark for state in states for mark in (state.kind, state.print if state.kind is not Kind.FOLDER else "")
        ]
        if tool.remote_name == "move_file" and states[0].kind is Kind.FOLDER:
            marks.append(states[0].print)
        above = [look(place.parent) if place.parts else look(place) for place in reversed(places)]
        marks.append(above[0].kind)
        states += above
    return Sight(sha256(*marks), tuple(places), tuple(states), tuple(absent))


def _shown(files: Filesystem, tool: Tool, arguments: JsonObject) -> Preview:
    arguments = sendable(arguments)
    sight = see(files, tool, arguments, MAX_DIFF_CHARS if tool.remote_name == "write_file" else 0)
    if sight.refused:
        return Preview(sight.basis, "", broken=sight.refused)
    if tool.remote_name == "move_file":
        return _move(sight, arguments)
    return (_write if tool.remote_name == "write_file" else _create)(sight, arguments)


def _write(sight: Sight, arguments: JsonObject) -> Preview:
    path, content, (place,) = arguments["path"], arguments.get("content"), sight.places
    was, parent = sight.states
    if not isinstance(content, str):
        return Preview(sight.basis, "", broken="The argument content is no text.")
    new = content.encode()
    if was.kind is Kind.FOLDER:
        return Preview(sight.basis, "", broken=f"{path} is a folder.")
    if was.kind is Kind.ABSENT and parent.kind is not Kind.FOLDER:
        return Preview(sight.basis, "", broken=f"The folder {os.path.dirname(place.path)} does not exist.")
    if was.kind is Kind.ABSENT:
        words, shown = _created(place, path, new)
    elif was.kind is not Kind.FILE:
        words, shown = f"Replaces {path}, which is no ordinary file or cannot be read, with {_size(new)}.", ""
    else:
        words, shown = _replaced(place, path, was, new)
    return Preview(sight.basis, words + _leads(path, place), shown)


def _created(place: ResolvedPath, path: str, new: bytes) -> tuple[str, str]:
    text = _text(new)
    if text is not None and len(new) <= MAX_DIFF_CHARS:
        shown = diff.unified("", text, diff.NOWHERE, place.path)
        if shown is not None:
            return f"Creates the file {path} ({_lines(text)}).{diff.endings('', text)}", shown
    return f"Creates the file {path} ({_size(new)}). {_why(text is None)}", ""


def _replaced(place: ResolvedPath, path: str, was: State, new: bytes) -> tuple[str, str]:
    old = was.content
    if (was.size, was.print) == (len(new), hashlib.sha256(new).hexdigest()):
        return f"The file {path} already has exactly this content: nothing changes.", ""
    if old is not None and max(len(old), len(new)) <= MAX_DIFF_CHARS:
        before, after = _text(old), _text(new)
        if before is not None and after is not None:
            shown = diff.unified(before, after, place.path, place.path)
            if shown is not None:
                return f"{diff.tally(shown).words()}{diff.endings(before, after)}", shown
    size = _size(old) if old is not None else counted(was.size, "byte")
    binary = _text(old or b"") is None or _text(new) is None
    return f"Replaces the file {path} ({size}) with {_size(new)}. {_why(binary)}", ""


async def _edit(files: Filesystem, tool: Tool, arguments: JsonObject, dry_run: DryRun, tries: int = 2) -> Preview:
    """Preview an edit by the server's own dry run. The file is read before and after it, so the diff belongs to the
    basis."""
    sight, early, old = await files.disk.run(_before_the_dry_run, files, tool, arguments)
    if early is not None:
        return early
    path, (place,) = arguments["path"], sight.places
    unknown = Preview(sight.basis, f"Edits the file {path}. What would change could not be found out.")
    try:
        async with asyncio.timeout(DRY_RUN_SECONDS):
            outcome = await dry_run({**arguments, "dryRun": True})
    except TimeoutError:
        return unknown
    if (await files.disk.run(see, files, tool, arguments)).basis != sight.basis:
        return await _edit(files, tool, arguments, dry_run, tries - 1) if tries > 1 else unknown
    shown = await files.disk.run(_edited, place, old, outcome)
    return replace(shown, basis=sight.basis, words=shown.words and shown.words + _leads(path, place))


def _before_the_dry_run(files: Filesystem, tool: Tool, arguments: JsonObject) -> tuple[Sight, Preview | None, str]:
    """Return the current state, a preview if it needs no dry run, and the text that would be edited."""
    sight = see(files, tool, arguments, MAX_EDITED_CHARS)
    early = _without_dry_run(sight, tool, arguments)
    content = sight.states[0].content if sight.states else None
    return sight, early, (content or b"").decode() if early is None else ""


def _without_dry_run(sight: Sight, tool: Tool, arguments: JsonObject) -> Preview | None:
    """Return the preview of an edit if no dry run is needed; else None."""
    if sight.refused:
        return Preview(sight.basis, "", broken=sight.refused)
    path, was = arguments["path"], sight.states[0]
    if was.kind is not Kind.FILE:
        kinds = {Kind.ABSENT: "does not exist", Kind.FOLDER: "is a folder"}
        return Preview(sight.basis, "", broken=f"{path} {kinds.get(was.kind, 'is no file that can be read')}.")
    words = ""
    if arguments.get("dryRun") is True:
        words = "Only shows what would change; nothing is written."
    elif was.content is None:
        words = f"Edits the file {path} ({counted(was.size, 'byte')}), which is too long to show what would change."
    elif _text(was.content) is None:
        words = (
            f"Edits the file {path} ({counted(was.size, 'byte')}), which is no text in UTF-8: the tool server would "
            "replace what it cannot read in it. What would change cannot be shown."
        )
    elif "dryRun" not in tool.schema.get("properties", {}):
        words = f"Edits the file {path}. The tool server cannot say beforehand what would change."
    return Preview(sight.basis, words) if words else None


def _edited(place: ResolvedPath, old: str, outcome: CallResult) -> Preview:
    """Return the preview from a dry run. Its diff is applied to the text, and shown only if it fits in every line."""
    if outcome.certainty is DeliveryStatus.ERROR:
        return Preview("", "", broken=line(outcome.text, 500))
    if outcome.certainty is not DeliveryStatus.OK:
        return Preview("", f"What would change could not be found out. {line(outcome.text, 500)}")
    before, turned, endings = old.replace("\r\n", "\n"), old.count("\r\n"), ""
    if turned:
        endings = f" The tool server turns the line endings from CRLF into LF ({counted(turned, 'line')})."
    found = _FENCED.fullmatch(outcome.text)
    try:
        if found is None:
            raise ValueError("the answer is no diff")
        after = diff.applied(before, found[2].partition("\tmodified\n")[2])
    except ValueError:
        return Preview("", f"What the tool server says of the change does not fit the file.{endings}")
    shown = diff.unified(before, after, place.path, place.path)
    if shown is None:
        return Preview("", f"Replaces {_lines(before)} with {_lines(after)}. {_why(False)}{endings}")
    words = diff.tally(shown).words() or ("No line changes otherwise." if endings else "The edits change nothing.")
    return Preview("", f"{words}{diff.endings(before, after)}{endings}", shown)


def _move(sight: Sight, arguments: JsonObject) -> Preview:
    source, destination = arguments["source"], arguments["destination"]
    (old, new), (was, there, parent, home) = sight.places, sight.states
    folder = was.kind is Kind.FOLDER
    broken = ""
    if was.kind is Kind.ABSENT:
        broken = f"{source} does not exist."
    elif not old.parts:
        broken = f"{source} is a folder of the tool server itself."
    elif there.kind is not Kind.ABSENT:
        broken = f"{destination} is already there{', a folder' if there.kind is Kind.FOLDER else ''}."
    elif folder and within(new.path, old.path):
        broken = f"The folder {source} cannot be moved into itself."
    elif parent.kind is not Kind.FOLDER:
        broken = f"The folder {os.path.dirname(new.path)} does not exist."
    elif parent.device != home.device:
        broken = f"{destination} is on another disk, where the tool server cannot move anything to."
    size = f"{was.size:,} {'entry' if was.size == 1 else 'entries'}" if folder else counted(was.size, "byte")
    words = f"Moves the {'folder' if folder else 'file'} {source} ({size}) to {destination}."
    words += _leads(source, old) + _leads(destination, new)
    return Preview(sight.basis, "" if broken else words, broken=broken)


def _create(sight: Sight, arguments: JsonObject) -> Preview:
    path, (place,), (now,) = arguments["path"], sight.places, sight.states
    if now.kind is Kind.FOLDER:
        return Preview(sight.basis, f"The folder {path} is already there: nothing changes.{_leads(path, place)}")
    if now.kind is not Kind.ABSENT:
        return Preview(sight.basis, "", broken=f"{path} is already there, and no folder.")
    above = [folder.path for folder in sight.missing[:-1]]
    parents = f" and its {'parent' if len(above) == 1 else 'parents'} {', '.join(above)}" if above else ""
    return Preview(sight.basis, f"Creates the folder {path}{parents}.{_leads(path, place)}")


def _leads(path: str, place: ResolvedPath) -> str:
    return "" if place.straight else f" The path {path} leads to {place.path}."


def _text(content: bytes) -> str | None:
    """Return a file's content as text; None if it is binary."""
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _why(binary: bool) -> str:
    return f"It is {'not text' if binary else 'too long'}, so there is no diff."


def _lines(text: str) -> str:
    return counted(text.count("\n") + (text[-1:] not in {"", "\n"}), "line")


def _size(content: bytes) -> str:
    text = _text(content)
    return f"{counted(len(content), 'byte')}, {'no text' if text is None else _lines(text)}"
