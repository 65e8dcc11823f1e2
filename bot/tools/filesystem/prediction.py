"""Predicts what a call will do once earlier calls of its step have run, for its preview. Runs in threads; never raises.

A prediction is exact, or there is none: the digest of the expected state is the one that the files have if each of the
calls does what it says. An edit whose old text is not found literally may still be made by the server, which then
ignores white space; its result is not predicted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from bot.core.json_text import JsonObject, sha256
from bot.core.tools import Preview, Tool
from bot.tools.filesystem import path_scope, preview, steps, wording
from bot.tools.filesystem.files import Kind, State, look
from bot.tools.filesystem.paths import Filesystem, RefusedError, ResolvedPath, within
from bot.tools.filesystem.preview import MAX_EDITED_CHARS, Inspection, inspect
from bot.tools.filesystem.proposals import edited_text
from bot.tools.text import sendable

Calls = Sequence[tuple[Tool, JsonObject]]

UNPREDICTED = "I can show the change only once that is done, so I'll ask again then."


class PredictedFiles:
    """The files as they will be after some calls."""

    def __init__(self, files: Filesystem) -> None:
        self._files = files
        self._states: dict[str, tuple[int, State]] = {}
        """By real path: the number of the call that changes it last, and the state after that."""
        self._used: set[int] = set()
        self._unknown: set[str] = set()
        """Paths at and below which the state cannot be predicted."""

    def look(self, place: ResolvedPath, keep: int = 0) -> State:
        """Return the state that a path will have, with the content of a file up to `keep` bytes."""
        self._used |= {number for path, (number, _) in self._states.items() if within(place.path, path)}
        if place.path not in self._states:
            return look(place, keep)
        state = self._states[place.path][1]
        return state if state.size <= keep else replace(state, content=None)

    def used(self) -> list[int]:
        """Return the numbers of the calls whose changes `look` was asked about since the last `used`."""
        used, self._used = sorted(self._used), set()
        return used

    def is_unknown(self, place: ResolvedPath) -> bool:
        """Whether the state of a path cannot be predicted."""
        return any(within(place.path, path) for path in self._unknown)

    def run(self, number: int, tool: Tool, arguments: JsonObject) -> None:
        """Apply the changes of the `number`-th call as far as they can be predicted; none if it would fail."""
        arguments = sendable(arguments)
        if tool.remote_name not in preview.TOOLS:
            return
        inspection = inspect(self._files, tool, arguments, MAX_EDITED_CHARS, self.look)
        if inspection.refused:
            return
        if any(map(self.is_unknown, inspection.places)):
            for place in inspection.places:
                self._forget(number, place)
            return
        match tool.remote_name:
            case "create_directory":
                for place in inspection.missing:
                    self._set(number, place, State(Kind.FOLDER))
            case "write_file":
                self._write(number, inspection, arguments.get("content"))
            case "edit_file":
                self._edit(number, inspection, arguments)
            case _:
                self._move(number, inspection)

    def _write(self, number: int, inspection: Inspection, content: object) -> None:
        (place,), (was, parent) = inspection.places, inspection.states
        if isinstance(content, str) and was.kind is not Kind.FOLDER and parent.kind is Kind.FOLDER:
            self._put(number, place, content.encode())

    def _edit(self, number: int, inspection: Inspection, arguments: JsonObject) -> None:
        (place,), was = inspection.places, inspection.states[0]
        if was.kind is not Kind.FILE or arguments.get("dryRun") is True:
            return
        old = _text(was.content)
        after = None if old is None else edited_text(old.replace("\r\n", "\n"), arguments.get("edits"))
        if after is None:
            self._forget(number, place)
        else:
            self._put(number, place, after.encode())

    def _move(self, number: int, inspection: Inspection) -> None:
        (old, new), (was, there, parent, _) = inspection.places, inspection.states
        if was.kind is Kind.ABSENT or there.kind is not Kind.ABSENT or parent.kind is not Kind.FOLDER:
            return
        if was.kind is not Kind.FILE:
            self._forget(number, old)
            self._forget(number, new)
            return
        self._set(number, old, State(Kind.ABSENT))
        self._set(number, new, was)

    def _put(self, number: int, place: ResolvedPath, content: bytes) -> None:
        state = State(Kind.FILE, len(content), content=content, print=hashlib.sha256(content).hexdigest())
        self._set(number, place, state)

    def _set(self, number: int, place: ResolvedPath, state: State) -> None:
        self._states[place.path] = (number, state)

    def _forget(self, number: int, place: ResolvedPath) -> None:
        self._unknown.add(place.path)
        self._set(number, place, look(place))


def predicted(files: Filesystem, tool: Tool, arguments: JsonObject, before: Calls) -> Preview | None:
    """Return what a call would do once the calls `before` have run; None if they change nothing that it concerns."""
    arguments = sendable(arguments)
    ahead = _after(files, before)
    inspection = inspect(files, tool, arguments, MAX_EDITED_CHARS, ahead.look)
    used = ahead.used()
    if not used or inspection.refused:
        return None
    found = _of(files, inspection, tool, arguments, unknown=any(map(ahead.is_unknown, inspection.places)))
    last = steps.doing(*before[used[-1]], files.shown)
    return replace(found, basis=found.basis or inspection.basis, after=last)


def dependencies(files: Filesystem, tool: Tool, arguments: JsonObject, others: Calls) -> list[int]:
    """Return the indexes of the other calls that change something which this call reads, changes or needs."""
    ahead = _after(files, others)
    if tool.remote_name in preview.TOOLS:
        inspect(files, tool, sendable(arguments), 0, ahead.look)
        return ahead.used()
    for path in path_scope.paths(tool, arguments) or ():
        try:
            ahead.look(files.place(sendable(path)))
        except RefusedError:
            continue
    return ahead.used()


def _after(files: Filesystem, before: Calls) -> PredictedFiles:
    ahead = PredictedFiles(files)
    for number, (tool, arguments) in enumerate(before):
        ahead.run(number, tool, arguments)
    ahead.used()
    return ahead


def _of(files: Filesystem, inspection: Inspection, tool: Tool, arguments: JsonObject, *, unknown: bool) -> Preview:
    if tool.remote_name != "edit_file":
        return replace(
            preview.of_inspection(files, inspection, tool, arguments), basis=sha256("unforeseen") if unknown else ""
        )
    path = files.shown(arguments["path"])
    early = None if unknown else preview.without_dry_run(files, inspection, tool, arguments)
    if early is not None:
        return early
    old = None if unknown else _text(inspection.states[0].content)
    after = None if old is None else edited_text(old.replace("\r\n", "\n"), arguments.get("edits"))
    if old is None or after is None:
        return replace(wording.edited(path, UNPREDICTED), basis=sha256("unforeseen"))
    shown = preview.of_edit(path, old, after)
    notice = preview.link_notice(files, arguments["path"], inspection.places[0])
    return replace(shown, words=" ".join(filter(None, (shown.words, notice))))


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None or b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None
