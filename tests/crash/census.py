"""What the source says can be cut off: the name of every commit and of every outside effect.

The crash suite learns from runs what a turn passes; this is for what no run has passed, so that a new boundary is
killed at or the suite fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.harness import ROOT

SIGNS = ("_database.write(", "Change(", "change.name", "work.__name__", "failpoints.around(", "draft(", "Draft(")
"""What is looked for, in the files that have one of them: to read all of them takes a second."""
CHANGE = "change"
"""By this name the agent fills in a `Change` whose commit has a name that is known later."""


def boundaries() -> set[str]:
    """The names, as `failpoints` is told them; `*` stands for what is known at run time alone."""
    sources = (path.read_text("utf-8") for path in sorted(ROOT.glob("bot/**/*.py")))
    trees = [ast.parse(source) for source in sources if any(sign in source for sign in SIGNS)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    kinds = {kind for node in nodes if isinstance(node, ast.Call) for kind in _kind(node)}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Call):
            found.update(f"commit: {name}" for name in (*_written(node), *_changed(node)) if name)
            found.update(_effect(node))
        elif isinstance(node, ast.Assign):
            found.update(f"commit: {name}" for name in _named(node))
    found.remove("post *")
    return found | {f"post {kind}" for kind in kinds}


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _written(node: ast.Call) -> Iterator[str]:
    """A transaction of the store has the name of its function; a change has its own."""
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr != "write":
        return
    if isinstance(function.value, ast.Attribute) and function.value.attr == "_database":
        assert isinstance(node.args[0], ast.Name), "a transaction is a function with a name"
        if node.args[0].id != "work":
            yield node.args[0].id


def _changed(node: ast.Call) -> Iterator[str]:
    if _called(node) == "Change":
        yield _text(node.args[0])


def _named(node: ast.Assign) -> Iterator[str]:
    """Of `change.name = "…"`, also as one of several, and of `work.__name__ = f"…"`."""
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for one, value in pairs:
            named = (getattr(one.value, "id", ""), one.attr) if isinstance(one, ast.Attribute) else ("", "")
            if named == (CHANGE, "name") or (named == ("work", "__name__") and isinstance(value, ast.JoinedStr)):
                yield _text(value)


def _effect(node: ast.Call) -> Iterator[str]:
    if _called(node) == "around" and getattr(getattr(node.func, "value", None), "id", "") == "failpoints":
        yield _text(node.args[0])


def _kind(node: ast.Call) -> Iterator[str]:
    """The kinds of messages, each of which is an effect of its own."""
    if ast.unparse(node.func) in ("draft", "messages.draft") and len(node.args) > 1:
        yield _text(node.args[0])
    elif _called(node) == "Draft" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        yield _text(node.args[1])


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    assert isinstance(node, ast.Constant), f"{ast.unparse(node)}: write a name here that the census can read"
    return str(node.value)
