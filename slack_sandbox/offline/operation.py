"""What every operation needs: its steps and its outcome, and how the file that somebody means is found."""

from __future__ import annotations

import posixpath
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from slack_sandbox.offline import phrasing
from slack_sandbox.offline.phrasing import code, trouble
from slack_sandbox.offline.results import Result
from slack_sandbox.offline.tool_catalog import PlannedCall, ToolCatalog

READ: Final = ("read_text_file", "read_file")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is to say of an operation that has ended."""

    words: str
    succeeded: bool = True
    """False: the steps that should follow are not begun."""


OperationSteps = Generator[PlannedCall, Result, Outcome]
"""A generator that yields the calls to make, is sent the result of each, and returns the outcome."""


class EndedEarly(Exception):
    """An operation cannot go on; the words say why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def opened(catalog: ToolCatalog, path: str) -> Generator[PlannedCall, Result, tuple[str, Result]]:
    """Read a file; one that is not there under its name is searched for once. Ends when there is none."""
    looked = vague(path)
    path = yield from located(catalog, path)
    result = yield catalog.plan_call({"path": path}, *READ)
    if result.missing and not looked and catalog.has("search_files"):
        found = names_in((yield searched(catalog, posixpath.basename(path), ".")))
        if len(found) == 1:
            path = found[0]
            result = yield catalog.plan_call({"path": path}, *READ)
        elif found:
            raise EndedEarly(f"There is no {code(path)}, but these have a name like it. Which one?\n{several(found)}")
    if not result.ok:
        raise EndedEarly(trouble(result, f"read {code(path)}"))
    if result.changed is not None and isinstance(result.changed.get("path"), str):
        path = result.changed["path"]
    return path, result


def located(catalog: ToolCatalog, path: str, *, new: bool = False) -> Generator[PlannedCall, Result, str]:
    """The path of what somebody names without an ending, found by a search. new: nothing found is no harm."""
    if not vague(path) or not catalog.has("search_files"):
        return path
    result = yield searched(catalog, path, ".")
    if not result.ok:
        raise EndedEarly(trouble(result, f"search for {code(path)}"))
    found = names_in(result)
    plain = path.lower().replace(" ", "-")
    stems = {each: posixpath.splitext(posixpath.basename(each))[0].lower() for each in found}
    exact = [each for each, stem in stems.items() if stem.replace(" ", "-").replace("_", "-") == plain]
    if len(exact) == 1 or len(found) == 1:
        return (exact or found)[0]
    if found:
        raise EndedEarly(f"Several names have {code(path)} in them. Which one?\n{several(found)}")
    if new:
        return path
    raise EndedEarly(f"I found nothing whose name has {code(path)} in it.")


def vague(path: str) -> bool:
    """Whether it is a name as people say it: `plan`, `release checklist`; not `plan.md`, `docs/plan`."""
    return "." not in path and "/" not in path


def searched(catalog: ToolCatalog, name: str, where: str) -> PlannedCall:
    """A search for names that have these words in them; a pattern is taken as it is."""
    pattern = name if any(sign in name for sign in "*?") else f"*{'*'.join(name.split())}*"
    pattern = pattern if "/" in pattern else f"**/{pattern}"
    return catalog.plan_call({"path": where, "pattern": pattern}, "search_files")


def names_in(result: Result) -> list[str]:
    """The paths that a search has found."""
    lines = [line.strip() for line in result.text.splitlines()] if result.ok else []
    return [line for line in lines if line and line != "No matches found"]


def several(paths: list[str]) -> str:
    """Paths as a list."""
    return phrasing.shortened([f"- {code(path)}" for path in paths])


def changed_path(result: Result, path: str) -> str:
    """What it was done to in the end."""
    changed = result.changed.get("path") if result.changed else None
    return code(changed if isinstance(changed, str) else path)
