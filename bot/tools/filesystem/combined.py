"""Combines what several calls of the filesystem server have changed into one diff for each file. Pure.

It uses only what was recorded of the calls: their arguments, the diffs that people were shown, and the contents that
undos keep. What others have written into a file since is never part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.core.ledger import Changed, LedgerEntry
from bot.core.tools import UndoSnapshot
from bot.core.untrusted import mapping, parsed
from bot.tools.filesystem import diff, proposals
from bot.tools.filesystem.paths import Filesystem
from bot.tools.filesystem.preview import MAX_DIFF_CHARS, TOOLS
from bot.tools.text import sendable

MAX_COMPARED = 1024 * 1024
"""Characters of all texts that are compared; after that, the diffs of the calls are given one after another."""

_MOVE, _FOLDER = "move_file", "create_directory"
_NOT_RECORDED = "What changed in it was not recorded."


class _Unknown:
    """Marks a content that is not known."""


UNKNOWN: Final = _Unknown()
Content = bytes | None | _Unknown
"""None if there is no file."""


@dataclass
class _Thing:
    """One file or folder."""

    at: int
    name: str
    was: str
    """What it was called at first."""
    first: Content = UNKNOWN
    now: Content = UNKNOWN
    diffs: list[str] = field(default_factory=list[str])
    """Those of its calls."""
    folder: bool = False
    """It is a folder that was created."""
    written: bool = False
    """A call has changed its content."""
    foreign: bool = False
    """Somebody else has changed it between two calls."""


class _Things:
    """All things, and which of them has a name now."""

    def __init__(self) -> None:
        self.all: list[_Thing] = []
        self._named: dict[str, _Thing] = {}

    def at(self, at: int, name: str, *, folder: bool = False) -> _Thing:
        """Return the thing with this name; a new one if no call has changed it before."""
        if name not in self._named:
            self._named[name] = _Thing(at, name, name, folder=folder)
            self.all.append(self._named[name])
        return self._named[name]

    def move(self, at: int, now: str, before: str) -> None:
        """Rename a thing, and what is in it if it is a folder."""
        self.at(at, before)
        inner = f"{before}/"
        for name in [name for name in self._named if name == before or name.startswith(inner)]:
            thing = self._named.pop(name)
            thing.name = f"{now}{name[len(before) :]}"
            self._named[thing.name] = thing


def names(files: Filesystem, tool: str, arguments: JsonObject) -> Sequence[str] | None:
    """Return the name of the file that a call changes, and its earlier one if it is moved; none for a dry run. None if
    it changes no file."""
    if tool not in TOOLS or tool == _FOLDER:
        return None
    if tool == "edit_file" and arguments.get("dryRun") is True:
        return ()
    given = ("destination", "source") if tool == _MOVE else ("path",)
    return [files.shown(sendable(path)) for name in given if isinstance(path := arguments.get(name), str)]


def combined(files: Filesystem, entries: Sequence[LedgerEntry]) -> list[Changed]:
    """Return what calls have changed, in the order in which each thing was changed first."""
    things = _Things()
    others: list[Changed] = []
    for at, entry in enumerate(entries):
        tool, arguments = entry.call.remote_name, mapping(parsed(entry.call.arguments))
        if tool == _MOVE:
            named = names(files, tool, arguments) or ()
            if len(named) > 1:
                things.move(at, *named[:2])
        elif tool == _FOLDER:
            name = files.shown(sendable(str(arguments.get("path"))))
            things.at(at, name, folder=True)
        else:
            found = names(files, tool, arguments)
            if found:
                _write(things.at(at, found[0]), entry, arguments)
            elif found is None:
                others.append(Changed(at, tool.replace("_", " ").capitalize()))
    left = MAX_COMPARED
    made: list[Changed] = []
    for thing in things.all:
        change, used = _shown(thing, left)
        left -= used
        made.append(change)
    return sorted([*made, *others], key=lambda each: each.at)


def _write(thing: _Thing, entry: LedgerEntry, arguments: JsonObject) -> None:
    """Add a call that has written a file."""
    before = _before(entry.before)
    if isinstance(before, _Unknown):
        before = thing.now
    elif not isinstance(thing.now, _Unknown) and before != thing.now:
        thing.foreign = True
    if not thing.written:
        thing.first, thing.written = before, True
    shown = entry.approval.preview.diff if entry.approval is not None and entry.approval.preview is not None else ""
    content = arguments.get("content")
    if entry.call.remote_name == "write_file":
        thing.now = sendable(content).encode() if isinstance(content, str) else UNKNOWN
    else:
        thing.now = _edited(before, shown, arguments)
    if not shown:
        shown = _compared(before, thing.now) or ""
    if shown:
        thing.diffs.append(shown)


def _before(kept: UndoSnapshot | None) -> Content:
    """Return the content that a call has replaced, from what its undo keeps."""
    plan: Mapping[str, Any] = mapping(parsed(kept.plan)) if kept is not None else {}
    if kept is None or "was" not in plan:
        return UNKNOWN
    return kept.content if plan["was"] is not None else None


def _edited(before: Content, shown: str, arguments: JsonObject) -> Content:
    """Return what an edit has left: by the diff that was shown, else by its arguments."""
    text = _text(before)
    if text is None:
        return UNKNOWN
    text = text.replace("\r\n", "\n")
    try:
        after = diff.applied(text, shown) if shown else proposals.edited_text(text, sendable(arguments).get("edits"))
    except (ValueError, RecursionError):
        return UNKNOWN
    return UNKNOWN if after is None else after.encode()


def _shown(thing: _Thing, most: int) -> tuple[Changed, int]:
    """Return what has changed of a thing, and how many characters were compared; at most so many are."""
    was = thing.was if thing.was != thing.name else ""
    new = thing.folder or (thing.written and thing.first is None)
    effects = ["new folder" if thing.folder else "new file"] if new else []
    if was:
        effects.append(f"moved from {was}" if not new else f"created as {was}")
    used, diffs, words = 0, tuple(thing.diffs), ""
    if thing.written:
        size = sum(len(each) for each in (thing.first, thing.now) if isinstance(each, bytes))
        several = len(diffs) != 1 and not thing.foreign
        whole = _compared(thing.first, thing.now) if several and size <= most else None
        if whole is not None:
            used, diffs = size, (whole,) if whole else ()
            words = "" if whole or new else "The content is the same as before."
        elif not diffs:
            words = _NOT_RECORDED
        if thing.foreign:
            words = "Somebody else changed it in between."
    counts = diff.tally("\n".join(diffs)).counts() if diffs else ""
    return Changed(thing.at, thing.name, " · ".join(filter(None, [*effects, counts])), diffs, was, words), used


def _compared(first: Content, now: Content) -> str | None:
    """Return the diff between two contents; None if one is not known, is no text, or is too long."""
    before, after = _text(first), _text(now)
    if before is None or after is None or max(len(before), len(after)) > MAX_DIFF_CHARS:
        return None
    return diff.unified(before.replace("\r\n", "\n"), after.replace("\r\n", "\n"))


def _text(content: Content) -> str | None:
    """Return a content as text; a file that is not there is empty. None if it is no text or not known."""
    if isinstance(content, _Unknown):
        return None
    try:
        return (content or b"").decode() if b"\0" not in (content or b"") else None
    except UnicodeDecodeError:
        return None
