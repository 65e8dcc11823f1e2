"""Replaces `${VAR}`, `${VAR:-default}` and `${env:VAR}` in the texts of mcp.json."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class UnsetError(Exception):
    """A reference cannot be replaced."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """Return a text with the values of its references. Raises UnsetError."""

    def value(reference: re.Match[str]) -> str:
        variable = _VARIABLE.fullmatch(reference[1])
        if variable is None:
            problem = f"contains `{reference[0]}`, which cannot be replaced"
            raise UnsetError(problem, "use ${VAR}, ${VAR:-default} or ${env:VAR}")
        name, fallback = variable.groups()
        # As in a shell, `:-` also applies to a variable that is set but empty.
        if found := environ.get(name):
            return found
        if fallback is not None:
            return fallback
        if name in environ:
            return ""
        problem = f"needs the environment variable {name}, which is not set"
        raise UnsetError(problem, f"set it, or write ${{{name}:-default}}")

    return _REFERENCE.sub(value, text)
