"""Undoes calls of the filesystem server, as long as nothing has changed since.

What a call is about to change is recorded before it runs (`snapshot`), the state it left is identified by a digest, and
`undo` acts only on exactly that state. Each step of an undo leaves a state that `undo` recognizes when it is repeated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.ports.change_guard import Claim
from bot.core.tools import Tool, Undone, UndoSnapshot
from bot.tools.filesystem import files as disk
from bot.tools.filesystem.claimed_paths import of_names
from bot.tools.filesystem.files import Kind, look
from bot.tools.filesystem.paths import Filesystem, RefusedError, ResolvedPath, within
from bot.tools.filesystem.preview import inspect

MAX_KEPT_BYTES = 5 * 1024 * 1024
"""Bytes of a file's content that are kept for an undo."""

_CHANGED = "It has changed since, so I left it alone"
_ALREADY = "It was already as before."
_NOTHING = "It is already as it was before; nothing was done."
_BETWEEN = ";"


def keep(files: Filesystem, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
    """Return what the call is about to change; None if that could not be undone. Runs in a thread; never raises."""
    inspection = inspect(files, tool, arguments, MAX_KEPT_BYTES)
    if inspection.refused or (tool.remote_name == "edit_file" and arguments.get("dryRun") is True):
        return None
    was, content = inspection.states[0], b""
    plan: dict[str, Any] = {"server": files.key, "tool": tool.remote_name, "paths": [p.path for p in inspection.places]}
    if tool.remote_name == "create_directory":
        if was.kind is not Kind.ABSENT:
            return None
        plan["paths"] = [folder.path for folder in inspection.missing]
    elif tool.remote_name == "move_file":
        if was.kind not in {Kind.FILE, Kind.FOLDER} or inspection.states[1].kind is not Kind.ABSENT:
            return None
        plan["was"], plan["mark"] = was.identity, _mark(inspection.places[0], content=True, same=False)
    elif was.kind is Kind.ABSENT and inspection.states[1].kind is Kind.FOLDER:
        plan["was"] = None
    elif was.kind is Kind.FILE and was.content is not None:
        plan["was"], content = {"mode": was.mode, "print": was.print}, was.content
    else:
        return None
    return UndoSnapshot(canonical(plan), content)


def after(files: Filesystem, before: UndoSnapshot) -> str:
    """Return a digest of the state that the call left; empty if it cannot be read. Runs in a thread; never raises.

    For created folders there is one digest each, as each is removed in a step of its own.
    """
    plan = _plan(before)
    try:
        places = _places(files, plan)
        if plan["tool"] == "create_directory":
            marks = [_mark(place) for place in places]
            return _BETWEEN.join(marks) if all(marks) else ""
    except (RefusedError, KeyError):
        return ""
    return _digest(places, same=False)


def _digest(places: list[ResolvedPath], *, same: bool) -> str:
    """Return a digest of what is at these paths; empty if unknown. In: whether files must be the same ones, or only
    have the same content: undoing a later edit of a file that was moved leaves another one."""
    marks = [_mark(place, content=True, same=same) for place in places]
    return sha256(*marks) if all(marks) else ""


def claim(before: UndoSnapshot) -> Claim:
    """Return what `undo` may change. Without disk access."""
    paths = _plan(before).get("paths")
    return of_names(path for path in paths if isinstance(path, str)) if isinstance(paths, list) else frozenset()


def undo(files: Filesystem, before: UndoSnapshot, left: str, again: bool = True) -> Undone:
    """Undo the call. In: the results of `keep` and `after`, and whether an earlier attempt may have begun: only then
    can a state equal to the one before the call, or a half-finished one, be our own doing. Runs in a thread; never
    raises."""
    plan = _plan(before)
    try:
        places = _places(files, plan)
        match plan["tool"]:
            case "create_directory":
                return _remove(files, places, left, again=again)
            case "move_file":
                return _move_back(files, plan, places, left, again=again)
            case _:
                return _restore(files, before, places[0], plan["was"], left, again=again)
    except OSError as problem:
        return Undone(False, f"It could not be undone: {problem.strerror or problem}.")
    except RefusedError as problem:
        return Undone(False, f"It could not be undone: {problem}.")
    except (KeyError, IndexError, TypeError, ValueError):
        return Undone(False, "It could not be undone: what is known of it cannot be read.")


def _restore(
    files: Filesystem,
    before: UndoSnapshot,
    place: ResolvedPath,
    was: Mapping[str, Any] | None,
    left: str,
    *,
    again: bool,
) -> Undone:
    now, unchanged = look(place), after(files, before) == left
    if was is None:
        as_before = now.kind is Kind.ABSENT
    else:
        as_before = now.kind is Kind.FILE and (now.print, now.mode) == (was["print"], was["mode"])
    if as_before:
        # After a call that changed nothing, the state is as before: that counts as undone too.
        return Undone(True, _ALREADY) if again or unchanged else Undone(False, _NOTHING)
    if not unchanged:
        return Undone(False, f"{_CHANGED}: {files.shown(place.path)}.")
    if was is None:
        disk.unlink(place)
        return Undone(True, f"Removed {files.shown(place.path)} again.")
    # The same name each time, so that a repetition cleans up whatever a crash has left.
    disk.replace(place, before.content, was["mode"], f".{sha256(before.plan, left)[:32]}.tmp")
    return Undone(True, f"{files.shown(place.path)} is as it was before.")


def _move_back(
    files: Filesystem, plan: Mapping[str, Any], places: list[ResolvedPath], left: str, *, again: bool
) -> Undone:
    source, destination = places
    old, new = look(source), look(destination)
    as_before = old.identity == plan["was"] or _mark(source, content=True, same=False) == plan.get("mark")
    if as_before and old.kind is not Kind.ABSENT and new.kind is Kind.ABSENT:
        return Undone(True, _ALREADY) if again else Undone(False, _NOTHING)
    # After a crash in the middle of moving a file back, it has both names.
    halfway = again and as_before and old.kind is Kind.FILE and old.identity == new.identity
    # Earlier versions have recorded which file it was.
    if not halfway and left not in (_digest(places, same=False), _digest(places, same=True)):
        where = source if old.kind is not Kind.ABSENT and new.identity == plan["was"] else destination
        return Undone(False, f"{_CHANGED}: {files.shown(where.path)}.")
    disk.rename(destination, source)
    return Undone(True, f"Moved {files.shown(destination.path)} back to {files.shown(source.path)}.")


def _remove(files: Filesystem, places: list[ResolvedPath], left: str, *, again: bool) -> Undone:
    marks = left.split(_BETWEEN)
    there = [place for place in places if look(place).kind is not Kind.ABSENT]
    if not there:
        return Undone(True, _ALREADY) if again else Undone(False, _NOTHING)
    if not again and len(there) < len(places):
        return Undone(False, f"{_CHANGED}: {files.shown(places[len(there)].path)}.")
    for place, mark in zip(there, marks, strict=False):
        if len(marks) != len(places) or _mark(place) != mark:
            return Undone(False, f"{_CHANGED}: {files.shown(place.path)}.")
    for place, inner in zip(there, [*there[1:], None], strict=True):
        if look(place).size > (0 if inner is None else 1):
            return Undone(False, f"The folder {files.shown(place.path)} is no longer empty, so I left it alone.")
    for place in reversed(there):
        disk.rmdir(place)
    return Undone(True, f"Removed {', '.join(f'the folder {files.shown(place.path)}' for place in there)} again.")


def _mark(place: ResolvedPath, *, content: bool = False, same: bool = True) -> str:
    """Return a digest of what is at a path; empty if unknown.

    In: whether the content and mode of a file count, and whether it must be the same file.
    """
    state = look(place)
    if state.kind is Kind.UNKNOWN:
        return ""
    whole = [state.print, str(state.mode)] if content and state.kind is Kind.FILE else []
    return sha256(state.kind, *whole, state.identity if same or not whole else "")


def _plan(before: UndoSnapshot) -> Mapping[str, Any]:
    try:
        plan = json.loads(before.plan)
    except ValueError:
        return {}
    return plan if isinstance(plan, dict) else {}


def _places(files: Filesystem, plan: Mapping[str, Any]) -> list[ResolvedPath]:
    """Return the paths of a plan, which must still lie in the server's folders. They were resolved when the plan was
    made; one that leads elsewhere now causes an error when it is opened."""
    roots = files.roots()
    places: list[ResolvedPath] = []
    for path in plan["paths"]:
        holding = [root for root in roots if within(path, root)]
        if not holding or os.path.normpath(path) != path:
            raise RefusedError(f"{files.shown(path)} lies outside the folders of the tool server")
        places.append(ResolvedPath(max(holding, key=len), path))
    return places
