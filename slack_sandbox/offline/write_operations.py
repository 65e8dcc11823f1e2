"""Operations that change files. `operation` says how an operation runs."""

from __future__ import annotations

import posixpath

from slack_sandbox.offline import editing, phrasing
from slack_sandbox.offline.operation import READ, OperationSteps, Outcome, changed_path, located, opened
from slack_sandbox.offline.phrasing import code, trouble
from slack_sandbox.offline.tool_catalog import ToolCatalog


def write(catalog: ToolCatalog, text: str, path: str) -> OperationSteps:
    result = yield catalog.plan_call({"path": path, "content": str(text)}, "write_file")
    if not result.ok:
        return Outcome(trouble(result, f"write {code(path)}"), succeeded=False)
    return Outcome(f"Done: I have written {changed_path(result, path)}.{phrasing.changed(result)}")


def create(catalog: ToolCatalog, path: str, text: str | None = None) -> OperationSteps:
    if text is not None:
        return (yield from write(catalog, text, path))
    there = yield catalog.plan_call({"path": path}, *READ)
    if there.ok:
        return Outcome(f"{code(path)} is there already; I left it as it is.")
    if not there.missing:
        return Outcome(trouble(there, f"look at {code(path)}"), succeeded=False)
    return (yield from write(catalog, "", path))


def _edit(catalog: ToolCatalog, path: str, edits: list[editing.Edit], what: str, done: str) -> OperationSteps:
    changes = [{"oldText": edit.old, "newText": edit.new} for edit in edits]
    result = yield catalog.plan_call({"path": path, "edits": changes}, "edit_file")
    if not result.ok:
        return Outcome(trouble(result, what), succeeded=False)
    return Outcome(f"Done: {done} in {changed_path(result, path)}.{phrasing.changed(result)}")


def append(catalog: ToolCatalog, line: str, path: str) -> OperationSteps:
    what = f"add to {code(path)}"
    path = yield from located(catalog, path, new=True)
    result = yield catalog.plan_call({"path": path}, *READ)
    if result.missing:
        return (yield from write(catalog, f"{line.rstrip()}\n", path))
    if not result.ok:
        return Outcome(trouble(result, f"read {code(path)}"), succeeded=False)
    if not result.text.strip():
        return (yield from write(catalog, f"{result.text}{line.rstrip()}\n", path))
    added = editing.like_the_last(result.text, line.rstrip("\n"))
    edit = None if result.cut else editing.appended(result.text, added)
    if edit is None:
        return Outcome(f"I did not {what}: the file is too long, so that I have not seen all of it.", succeeded=False)
    return (yield from _edit(catalog, path, [edit], what, f"I have added {code(added)}"))


def append_to(catalog: ToolCatalog, path: str, line: str) -> OperationSteps:
    return (yield from append(catalog, line, path))


def replace(catalog: ToolCatalog, old: str, new: str, path: str) -> OperationSteps:
    path, result = yield from opened(catalog, path)
    times = result.text.count(old)
    if not times:
        return Outcome(f"I changed nothing: {code(old)} does not stand in {code(path)}.", succeeded=False)
    what = f"replace {code(old)} in {code(path)}"
    edits = editing.replaced(result.text, old, new)
    often = "" if times == 1 else f", {times} times" if len(edits) == times else f", the first of {times} times"
    return (yield from _edit(catalog, path, edits, what, f"I have replaced {code(old)} with {code(new)}{often}"))


def replace_in(catalog: ToolCatalog, path: str, old: str, new: str) -> OperationSteps:
    return (yield from replace(catalog, old, new, path))


def tick(catalog: ToolCatalog, what: str, path: str, *, on: bool = True) -> OperationSteps:
    path, result = yield from opened(catalog, path)
    boxes = editing.boxes(result.text, what)
    if not boxes:
        return Outcome(
            f"I changed nothing: no line of {code(path)} with a box has {code(what)} in it.", succeeded=False
        )
    open_ = [box for box in boxes if box.ticked is not on]
    state = "ticked off" if on else "open"
    if not open_:
        return Outcome(f"Nothing to do: {code(boxes[0].words)} in {code(path)} is {state} already.")
    exact = [box for box in open_ if box.words.strip().lower() == what.strip().lower()]
    if len(open_) > 1 and len(exact) != 1:
        lines = "\n".join(f"- {code(box.words)}" for box in open_)
        return Outcome(f"I changed nothing: several lines of {code(path)} fit. Which one?\n{lines}", succeeded=False)
    box = exact[0] if len(exact) == 1 else open_[0]
    edit = editing.ticked(result.text, box, on)
    if edit is None:
        return Outcome(f"I changed nothing: {code(box.words)} stands in {code(path)} more than once.", succeeded=False)
    did = f"I have {'ticked off' if on else 'taken the tick off'} {code(box.words)}"
    return (yield from _edit(catalog, path, [edit], f"{'tick off' if on else 'untick'} {code(box.words)}", did))


def untick(catalog: ToolCatalog, what: str, path: str) -> OperationSteps:
    return (yield from tick(catalog, what, path, on=False))


def move(catalog: ToolCatalog, source: str, target: str) -> OperationSteps:
    source = yield from located(catalog, source)
    target = posixpath.join(target, posixpath.basename(source)) if target.endswith("/") else target
    result = yield catalog.plan_call({"source": source, "destination": target}, "move_file")
    if not result.ok:
        return Outcome(trouble(result, f"move {code(source)} to {code(target)}"), succeeded=False)
    if result.changed is not None:
        return Outcome(f"Done: the move was made.{phrasing.changed(result)}")
    return Outcome(f"Done: I have moved {code(source)} to {code(target)}.")


def move_into(catalog: ToolCatalog, source: str, folder: str) -> OperationSteps:
    return (yield from move(catalog, source, f"{folder.rstrip('/')}/"))


def copy(catalog: ToolCatalog, source: str, target: str) -> OperationSteps:
    source, result = yield from opened(catalog, source)
    if result.cut:
        return Outcome(
            f"I did not copy {code(source)}: it is too long, so that I have not seen all of it.", succeeded=False
        )
    target = posixpath.join(target, posixpath.basename(source)) if target.endswith("/") else target
    done = yield from write(catalog, result.text, target)
    return Outcome(f"{done.words} There is no tool to copy: I read the one file and wrote the other.", done.succeeded)


def mkdir(catalog: ToolCatalog, path: str) -> OperationSteps:
    result = yield catalog.plan_call({"path": path}, "create_directory")
    if not result.ok:
        return Outcome(trouble(result, f"create the folder {code(path)}"), succeeded=False)
    return Outcome(f"Done: the folder {changed_path(result, path)} is there.{phrasing.changed(result)}")
