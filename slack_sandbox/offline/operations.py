"""How each thing that is asked for is done: the calls one after the other, and the words at the end.

It is run from its beginning for each request, over the results that are in the conversation: so nothing needs to be
remembered, and a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from slack_sandbox.offline import phrasing, read_operations, write_operations
from slack_sandbox.offline.grammar import Operation
from slack_sandbox.offline.operation import EndedEarly, OperationSteps, Outcome, changed_path
from slack_sandbox.offline.phrasing import code, trouble
from slack_sandbox.offline.tool_catalog import ImpossibleCall, ToolCatalog


def begin(op: Operation, catalog: ToolCatalog) -> OperationSteps:
    """Do it. Never raises: the outcome says what could not be done."""
    try:
        return (yield from _DOINGS[op.verb](catalog, *op.words))
    except EndedEarly as ended:
        return Outcome(ended.words, succeeded=False)
    except ImpossibleCall as problem:
        return Outcome(f"I cannot {describe(op)}: {problem}.", succeeded=False)


def describe(op: Operation) -> str:
    """An operation in a few words, as in `write a.md`."""
    name, at = _DESCRIBED.get(op.verb, (op.verb, 0))
    words = [word for word in op.words if isinstance(word, str)]
    return f"{name} {code(words[at])}" if words and -len(words) <= at < len(words) else name


def _delete(catalog: ToolCatalog, path: str) -> OperationSteps:
    names = ("delete_file", "remove_file", "delete", "remove", "delete_directory", "remove_directory")
    if not catalog.has(*names):
        return Outcome(
            f"I cannot delete {code(path)}: none of my tools deletes. I could move it to another folder.", False
        )
    result = yield catalog.plan_call({"path": path}, *names)
    if not result.ok:
        return Outcome(trouble(result, f"delete {code(path)}"), succeeded=False)
    return Outcome(f"Done: I have deleted {changed_path(result, path)}.{phrasing.changed(result)}")


def _call(catalog: ToolCatalog, tool: str, arguments: Any = None) -> OperationSteps:
    if not catalog.has(tool):
        known = ", ".join(code(name) for name in catalog.names) or "none at the moment"
        return Outcome(f"No tool named {code(tool)} is offered to me. Those that are: {known}.", succeeded=False)
    if arguments is not None and not isinstance(arguments, dict):
        return Outcome(
            f"I did not call {code(tool)}: its arguments have to be a JSON object, as in {{…}}.", succeeded=False
        )
    result = yield catalog.plan_call(arguments or {}, tool)
    if not result.ok:
        return Outcome(trouble(result, f"call {code(tool)}"), succeeded=False)
    said = phrasing.block(result.text) if result.text else "It gave no output."
    return Outcome(f"{code(tool)} ran.{phrasing.changed(result)}\n{said}")


_DOINGS: Final[dict[str, Callable[..., OperationSteps]]] = {
    "list": read_operations.list_folder,
    "home": read_operations.list_home,
    "read": read_operations.read_file,
    "search": read_operations.search,
    "tree": read_operations.tree,
    "info": read_operations.info,
    "write": write_operations.write,
    "create": write_operations.create,
    "append": write_operations.append,
    "append_to": write_operations.append_to,
    "replace": write_operations.replace,
    "replace_in": write_operations.replace_in,
    "tick": write_operations.tick,
    "untick": write_operations.untick,
    "move": write_operations.move,
    "rename": write_operations.move,
    "move_into": write_operations.move_into,
    "copy": write_operations.copy,
    "mkdir": write_operations.mkdir,
    "delete": _delete,
    "folders": read_operations.list_folders,
    "call": _call,
}
_DESCRIBED: Final[dict[str, tuple[str, int]]] = {
    "home": ("list", 0),
    "write": ("write", -1),
    "create": ("write", 0),
    "append": ("add to", -1),
    "append_to": ("add to", 0),
    "replace": ("change", -1),
    "replace_in": ("change", 0),
    "tick": ("change", -1),
    "untick": ("change", -1),
    "search": ("search for", 0),
    "tree": ("read the tree of", 0),
    "info": ("look at", 0),
    "rename": ("rename", 0),
    "move_into": ("move", 0),
    "mkdir": ("create the folder", 0),
    "folders": ("ask for the folders", 0),
}
