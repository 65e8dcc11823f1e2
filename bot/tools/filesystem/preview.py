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
from bot.tools.filesystem import diff, wording
from bot.tools.filesystem.diff import counted
from bot.tools.filesystem.files import Kind, Looks, State, look, missing
from bot.tools.filesystem.paths import Filesystem, RefusedError, ResolvedPath, within
from bot.tools.text import line, sendable

TOOLS = ("write_file", "edit_file", "move_file", "create_directory")
MAX_DIFF_CHARS = 1024 * 1024
"""Bytes of either text; longer ones are described in words."""
MAX_EDITED_CHARS = 8 * 1024 * 1024
"""Bytes of a file that is edited. A longer one is described in words too: diffing it would take too long."""
DRY_RUN_SECONDS = 5.0

MAX_SAID = 4_000
"""Characters of an error of the tool server that are looked at."""

_NO_MATCH = re.compile(r"(?:Error: )?Could not find exact match for edit:\s*")
_FENCED = re.compile(r"\s*(`{3,})diff\n(.*)\1\s*", re.DOTALL)

DryRun = Callable[[JsonObject], Awaitable[CallResult]]


@dataclass(frozen=True, slots=True)
class Inspection:
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
        return (await files.disk.run(inspect, files, tool, arguments)).basis
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


def inspect(files: Filesystem, tool: Tool, arguments: JsonObject, keep: int = 0, looks: Looks = look) -> Inspection:
    """Return the current state of what the call would change, with the content of files up to `keep` bytes. Runs in a
    thread; never raises.

    looks: returns the state of a path, if not as it is on the disk.
    """
    names = ("source", "destination") if tool.remote_name == "move_file" else ("path",)
    given = [arguments.get(name) for name in names]
    marks = [tool.remote_name]
    places: list[ResolvedPath] = []
    for name, path in zip(names, given, strict=True):
        if not isinstance(path, str):
            return Inspection(sha256("refused", *marks), refused=f"The argument {name} is no path.")
        try:
            places.append(files.place(sendable(path)))
        except RefusedError as problem:
            refused = f"The path {files.shown(sendable(path))} cannot be used: {problem}."
            return Inspection(sha256("refused", *marks), refused=refused)
        marks.append(places[-1].path)
    states = [looks(place, keep) for place in places]
    absent: list[ResolvedPath] = []
    if tool.remote_name == "create_directory":
        absent = missing(places[0], looks)
        deepest = absent[0].parent if absent else places[0]
        marks += [states[0].kind, deepest.path, looks(deepest, 0).kind]
    else:
        marks += [
            mark for state in states for mark in (state.kind, state.print if state.kind is not Kind.FOLDER else "")
        ]
        if tool.remote_name == "move_file" and states[0].kind is Kind.FOLDER:
            marks.append(states[0].print)
        above = [looks(place.parent if place.parts else place, 0) for place in reversed(places)]
        marks.append(above[0].kind)
        states += above
    return Inspection(sha256(*marks), tuple(places), tuple(states), tuple(absent))


def _shown(files: Filesystem, tool: Tool, arguments: JsonObject) -> Preview:
    arguments = sendable(arguments)
    inspection = inspect(files, tool, arguments, MAX_DIFF_CHARS if tool.remote_name == "write_file" else 0)
    return of_inspection(files, inspection, tool, arguments)


def of_inspection(files: Filesystem, inspection: Inspection, tool: Tool, arguments: JsonObject) -> Preview:
    """Return what a call other than an edit would do in this state."""
    if inspection.refused:
        return Preview(inspection.basis, "", broken=inspection.refused)
    if tool.remote_name == "move_file":
        found = _move(files, inspection, arguments)
    else:
        found = (_write if tool.remote_name == "write_file" else _create)(files, inspection, arguments)
    return replace(found, basis=inspection.basis)


def _write(files: Filesystem, inspection: Inspection, arguments: JsonObject) -> Preview:
    path, content, (place,) = files.shown(arguments["path"]), arguments.get("content"), inspection.places
    was, parent = inspection.states
    if not isinstance(content, str):
        return broken("write", path, "the content is no text")
    new = content.encode()
    if was.kind is Kind.FOLDER:
        return broken("write", path, "it is a folder")
    if was.kind is Kind.ABSENT and parent.kind is not Kind.FOLDER:
        return broken("write", path, _no_folder(files, place), yet=True)
    if was.kind is Kind.ABSENT:
        found = _created(path, new)
    elif was.kind is not Kind.FILE:
        found = wording.replaced_unseen(path, f"with {_size(new)}", "It is no ordinary file, or it cannot be read.")
    else:
        found = _replaced(path, was, new)
    return replace(found, words=_joined(found.words, link_notice(files, arguments["path"], place)))


def _created(path: str, new: bytes) -> Preview:
    text = _text(new)
    if text is not None and len(new) <= MAX_DIFF_CHARS:
        shown = diff.unified("", text)
        if shown is not None:
            words = diff.endings("", text).strip()
            effect = f"new file, {_lines(text) if text else 'empty'}"
            return wording.created(path, effect, shown, diff.tally(shown).counts(), words)
    return wording.created(path, f"new file, {_size(new)}", words=_why(text is None))


def _replaced(path: str, was: State, new: bytes) -> Preview:
    old = was.content
    if (was.size, was.print) == (len(new), hashlib.sha256(new).hexdigest()):
        same = Preview("", "It already has exactly this content.", heading=f"Write {path}", subject=path)
        return replace(same, effect=wording.UNCHANGED)
    if old is not None and max(len(old), len(new)) <= MAX_DIFF_CHARS:
        before, after = _text(old), _text(new)
        if before is not None and after is not None:
            shown = diff.unified(before, after)
            if shown is not None:
                found = wording.replaced(path, _number(before), _number(after), diff.tally(shown), shown)
                return replace(found, words=diff.endings(before, after).strip())
    size = _size(old) if old is not None else counted(was.size, "byte")
    binary = _text(old or b"") is None or _text(new) is None
    return wording.replaced_unseen(path, f"{size}, become {_size(new)}", _why(binary))


async def _edit(files: Filesystem, tool: Tool, arguments: JsonObject, dry_run: DryRun, tries: int = 2) -> Preview:
    """Preview an edit by the server's own dry run. The file is read before and after it, so the diff belongs to the
    basis."""
    inspection, early, old = await files.disk.run(_before_the_dry_run, files, tool, arguments)
    if early is not None:
        return early
    path, (place,) = files.shown(arguments["path"]), inspection.places
    unknown = replace(wording.edited(path, "What would change could not be found out."), basis=inspection.basis)
    try:
        async with asyncio.timeout(DRY_RUN_SECONDS):
            outcome = await dry_run({**arguments, "dryRun": True})
    except TimeoutError:
        return unknown
    if (await files.disk.run(inspect, files, tool, arguments)).basis != inspection.basis:
        return await _edit(files, tool, arguments, dry_run, tries - 1) if tries > 1 else unknown
    shown = await files.disk.run(_edited, files, path, old, outcome)
    words = "" if shown.broken else _joined(shown.words, link_notice(files, arguments["path"], place))
    return replace(shown, basis=inspection.basis, words=words)


def _before_the_dry_run(files: Filesystem, tool: Tool, arguments: JsonObject) -> tuple[Inspection, Preview | None, str]:
    """Return the current state, a preview if it needs no dry run, and the text that would be edited."""
    inspection = inspect(files, tool, arguments, MAX_EDITED_CHARS)
    early = without_dry_run(files, inspection, tool, arguments)
    content = inspection.states[0].content if inspection.states else None
    return inspection, early, (content or b"").decode() if early is None else ""


def without_dry_run(files: Filesystem, inspection: Inspection, tool: Tool, arguments: JsonObject) -> Preview | None:
    """Return the preview of an edit if no dry run is needed; else None."""
    if inspection.refused:
        return Preview(inspection.basis, "", broken=inspection.refused)
    path, was = files.shown(arguments["path"]), inspection.states[0]
    if was.kind is not Kind.FILE:
        kinds = {Kind.ABSENT: "it doesn't exist", Kind.FOLDER: "it is a folder"}
        return replace(
            broken("edit", path, kinds.get(was.kind, "it is no file that can be read")), basis=inspection.basis
        )
    words = ""
    if was.content is None:
        words = f"It is too long ({counted(was.size, 'byte')}) to show what would change."
    elif _text(was.content) is None:
        words = (
            f"It is no text in UTF-8 ({counted(was.size, 'byte')}): the tool server would replace what it cannot read "
            "in it. What would change cannot be shown."
        )
    elif "dryRun" not in tool.schema.get("properties", {}):
        words = "The tool server cannot say beforehand what would change."
    return replace(wording.edited(path, words), basis=inspection.basis) if words else None


def _edited(files: Filesystem, path: str, old: str, outcome: CallResult) -> Preview:
    """Return the preview from a dry run. Its diff is applied to the text, and shown only if it fits in every line."""
    said = line(files.relative(outcome.text[:MAX_SAID]), 500)
    if outcome.certainty is DeliveryStatus.ERROR:
        known = _NO_MATCH.match(outcome.text)
        missing = line(outcome.text[known.end() :], 300) if known else ""
        return broken("edit", path, f"the text to replace is not in it: {missing}" if known else said)
    if outcome.certainty is not DeliveryStatus.OK:
        return wording.edited(path, f"What would change could not be found out. {said}")
    found = _FENCED.fullmatch(outcome.text)
    try:
        if found is None:
            raise ValueError("the answer is no diff")
        after = diff.applied(old.replace("\r\n", "\n"), found[2].partition("\tmodified\n")[2])
    except ValueError:
        words = "The change that the tool server announces does not match the file."
        return wording.edited(path, _joined(words, _endings(old)))
    return of_edit(path, old, after)


def of_edit(path: str, old: str, after: str) -> Preview:
    """Return what an edit would do that turns one text into another."""
    before, endings = old.replace("\r\n", "\n"), _endings(old)
    shown = diff.unified(before, after)
    if shown is None:
        return wording.edited(path, _joined(f"Replaces {_lines(before)} with {_lines(after)}. {_why(False)}", endings))
    tally = diff.tally(shown)
    words = "" if tally.words() else "No line changes otherwise." if endings else "The edits change nothing."
    return wording.edited(path, _joined(words, diff.endings(before, after).strip(), endings), tally, shown)


def _endings(old: str) -> str:
    turned = old.count("\r\n")
    if not turned:
        return ""
    return f"The tool server turns the line endings from CRLF into LF ({counted(turned, 'line')})."


def _move(files: Filesystem, inspection: Inspection, arguments: JsonObject) -> Preview:
    source, destination = files.shown(arguments["source"]), files.shown(arguments["destination"])
    (old, new), (was, there, parent, home) = inspection.places, inspection.states
    is_folder = was.kind is Kind.FOLDER
    why, yet = "", False
    if was.kind is Kind.ABSENT:
        why = "it doesn't exist"
    elif not old.parts:
        why = "it is a folder of the tool server itself"
    elif there.kind is not Kind.ABSENT:
        why = f"{destination} is already there{', a folder' if there.kind is Kind.FOLDER else ''}"
    elif is_folder and within(new.path, old.path):
        why = "a folder cannot be moved into itself"
    elif parent.kind is not Kind.FOLDER:
        why, yet = _no_folder(files, new), True
    elif parent.device != home.device:
        why = f"{destination} is on another disk, where the tool server cannot move anything to"
    if why:
        return broken("move", source, why, yet=yet)
    entries = f"a folder with {was.size:,} {'entry' if was.size == 1 else 'entries'}" if is_folder else ""
    words = _joined(link_notice(files, arguments["source"], old), link_notice(files, arguments["destination"], new))
    return replace(wording.moved(source, destination, entries), words=words)


def _create(files: Filesystem, inspection: Inspection, arguments: JsonObject) -> Preview:
    path, (place,), (now,) = files.shown(arguments["path"]), inspection.places, inspection.states
    ways = link_notice(files, arguments["path"], place)
    if now.kind is Kind.FOLDER:
        return replace(wording.folder(path, wording.UNCHANGED), words=_joined("It is already there.", ways))
    if now.kind is not Kind.ABSENT:
        return broken("create the folder", path, "it is already there, and no folder")
    above = [files.shown(each.path) for each in inspection.missing[:-1]]
    effect = f"with its {'parent' if len(above) == 1 else 'parents'} {', '.join(above)}" if above else ""
    return replace(wording.folder(path, effect), words=ways)


def broken(verb: str, path: str, why: str, *, yet: bool = False) -> Preview:
    """Return the preview of a call that would fail."""
    return Preview("", "", broken=wording.cannot(verb, path, why, yet=yet), attempt=f"{verb} {path}")


def _no_folder(files: Filesystem, place: ResolvedPath) -> str:
    return f"the folder {files.shown(os.path.dirname(place.path))} doesn't exist"


def link_notice(files: Filesystem, path: str, place: ResolvedPath) -> str:
    """Return a sentence about the real path, if a path goes through a link or differs in case; else an empty text."""
    if place.straight:
        return ""
    asked, real = files.shown(path), files.shown(place.path)
    return f"{asked} refers to {real}." if asked != real else f"The name of {asked} is written differently on the disk."


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _text(content: bytes) -> str | None:
    """Return a file's content as text; None if it is binary."""
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _why(binary: bool) -> str:
    return f"It is {'not text' if binary else 'too long'}, so there is no diff."


def _number(text: str) -> int:
    return text.count("\n") + (text[-1:] not in {"", "\n"})


def _lines(text: str) -> str:
    return counted(_number(text), "line")


def _size(content: bytes) -> str:
    text = _text(content)
    return f"{counted(len(content), 'byte')}, {'no text' if text is None else _lines(text)}"
