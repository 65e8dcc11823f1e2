"""What changes files. How a `Doing` works is said in `finding`."""

from __future__ import annotations

import posixpath

from slack_sandbox.offline import editing, phrasing
from slack_sandbox.offline.operation import READ, Doing, Done, changed_path, located, opened
from slack_sandbox.offline.phrasing import code, trouble
from slack_sandbox.offline.tool_catalog import Kit


def write(kit: Kit, text: str, path: str) -> Doing:
    result = yield kit.want({"path": path, "content": str(text)}, "write_file")
    if not result.ok:
        return Done(trouble(result, f"write {code(path)}"), well=False)
    return Done(f"Done: I have written {changed_path(result, path)}.{phrasing.changed(result)}")


def create(kit: Kit, path: str, text: str | None = None) -> Doing:
    if text is not None:
        return (yield from write(kit, text, path))
    there = yield kit.want({"path": path}, *READ)
    if there.ok:
        return Done(f"{code(path)} is there already; I left it as it is.")
    if not there.missing:
        return Done(trouble(there, f"look at {code(path)}"), well=False)
    return (yield from write(kit, "", path))


def _edit(kit: Kit, path: str, edits: list[editing.Edit], what: str, done: str) -> Doing:
    changes = [{"oldText": edit.old, "newText": edit.new} for edit in edits]
    result = yield kit.want({"path": path, "edits": changes}, "edit_file")
    if not result.ok:
        return Done(trouble(result, what), well=False)
    return Done(f"Done: {done} in {changed_path(result, path)}.{phrasing.changed(result)}")


def append(kit: Kit, line: str, path: str) -> Doing:
    what = f"add to {code(path)}"
    path = yield from located(kit, path, new=True)
    result = yield kit.want({"path": path}, *READ)
    if result.missing:
        return (yield from write(kit, f"{line.rstrip()}\n", path))
    if not result.ok:
        return Done(trouble(result, f"read {code(path)}"), well=False)
    if not result.text.strip():
        return (yield from write(kit, f"{result.text}{line.rstrip()}\n", path))
    added = editing.like_the_last(result.text, line.rstrip("\n"))
    edit = None if result.cut else editing.appended(result.text, added)
    if edit is None:
        return Done(f"I did not {what}: the file is too long, so that I have not seen all of it.", well=False)
    return (yield from _edit(kit, path, [edit], what, f"I have added {code(added)}"))


def append_to(kit: Kit, path: str, line: str) -> Doing:
    return (yield from append(kit, line, path))


def replace(kit: Kit, old: str, new: str, path: str) -> Doing:
    path, result = yield from opened(kit, path)
    times = result.text.count(old)
    if not times:
        return Done(f"I changed nothing: {code(old)} does not stand in {code(path)}.", well=False)
    what = f"replace {code(old)} in {code(path)}"
    edits = editing.replaced(result.text, old, new)
    often = "" if times == 1 else f", {times} times" if len(edits) == times else f", the first of {times} times"
    return (yield from _edit(kit, path, edits, what, f"I have replaced {code(old)} with {code(new)}{often}"))


def replace_in(kit: Kit, path: str, old: str, new: str) -> Doing:
    return (yield from replace(kit, old, new, path))


def tick(kit: Kit, what: str, path: str, *, on: bool = True) -> Doing:
    path, result = yield from opened(kit, path)
    boxes = editing.boxes(result.text, what)
    if not boxes:
        return Done(f"I changed nothing: no line of {code(path)} with a box has {code(what)} in it.", well=False)
    open_ = [box for box in boxes if box.ticked is not on]
    state = "ticked off" if on else "open"
    if not open_:
        return Done(f"Nothing to do: {code(boxes[0].words)} in {code(path)} is {state} already.")
    exact = [box for box in open_ if box.words.strip().lower() == what.strip().lower()]
    if len(open_) > 1 and len(exact) != 1:
        lines = "\n".join(f"- {code(box.words)}" for box in open_)
        return Done(f"I changed nothing: several lines of {code(path)} fit. Which one?\n{lines}", well=False)
    box = exact[0] if len(exact) == 1 else open_[0]
    edit = editing.ticked(result.text, box, on)
    if edit is None:
        return Done(f"I changed nothing: {code(box.words)} stands in {code(path)} more than once.", well=False)
    did = f"I have {'ticked off' if on else 'taken the tick off'} {code(box.words)}"
    return (yield from _edit(kit, path, [edit], f"{'tick off' if on else 'untick'} {code(box.words)}", did))


def untick(kit: Kit, what: str, path: str) -> Doing:
    return (yield from tick(kit, what, path, on=False))


def move(kit: Kit, source: str, target: str) -> Doing:
    source = yield from located(kit, source)
    target = posixpath.join(target, posixpath.basename(source)) if target.endswith("/") else target
    result = yield kit.want({"source": source, "destination": target}, "move_file")
    if not result.ok:
        return Done(trouble(result, f"move {code(source)} to {code(target)}"), well=False)
    if result.changed is not None:
        return Done(f"Done: the move was made.{phrasing.changed(result)}")
    return Done(f"Done: I have moved {code(source)} to {code(target)}.")


def move_into(kit: Kit, source: str, folder: str) -> Doing:
    return (yield from move(kit, source, f"{folder.rstrip('/')}/"))


def copy(kit: Kit, source: str, target: str) -> Doing:
    source, result = yield from opened(kit, source)
    if result.cut:
        return Done(f"I did not copy {code(source)}: it is too long, so that I have not seen all of it.", well=False)
    target = posixpath.join(target, posixpath.basename(source)) if target.endswith("/") else target
    done = yield from write(kit, result.text, target)
    return Done(f"{done.words} There is no tool to copy: I read the one file and wrote the other.", done.well)


def mkdir(kit: Kit, path: str) -> Doing:
    result = yield kit.want({"path": path}, "create_directory")
    if not result.ok:
        return Done(trouble(result, f"create the folder {code(path)}"), well=False)
    return Done(f"Done: the folder {changed_path(result, path)} is there.{phrasing.changed(result)}")
