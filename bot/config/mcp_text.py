"""Reads mcp.json as people write it: JSON that may have comments, trailing commas and a byte order mark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import json5

MAX_BYTES = 256 * 1024
"""The parser for comments reads some 100 KB a second."""

_PLACE = re.compile(r"^<string>:(\d+) (.*?)(?: at column \d+)?$", re.DOTALL)


class UnreadableError(Exception):
    """The file cannot be read at all; the text says why, as the end of a sentence about the file."""


class Object(dict[str, Any]):
    """A JSON object, and which of its keys were written more than once."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        pairs = list(pairs)
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.twice = sorted({key for key in keys if keys.count(key) > 1}) if len(keys) > len(self) else []


def read(path: Path) -> Object:
    """Return the content of a file, whose objects are `Object`s. Raises UnreadableError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as problem:
        raise UnreadableError(f"cannot be read ({problem.strerror}).") from problem
    except UnicodeDecodeError as problem:
        raise UnreadableError("is not UTF-8 text.") from problem
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"is larger than {MAX_BYTES // 1024} KB.")
    try:
        found = _parsed(text)
    except RecursionError as problem:
        raise UnreadableError("is nested too deeply.") from problem
    except ValueError as problem:
        raise UnreadableError(f"is not valid JSON: {_reason(problem)}.") from problem
    if not isinstance(found, Object):
        raise UnreadableError("must be an object with `mcpServers`.")
    return found


def _parsed(text: str) -> Any:
    """Return the value of a text. Raises ValueError and RecursionError."""
    try:
        return json.loads(text, object_pairs_hook=Object)
    except json.JSONDecodeError:
        return json5.loads(text, object_pairs_hook=Object)


def _reason(problem: ValueError) -> str:
    """Return the parser's reason and the line, without a part of the file."""
    found = _PLACE.match(str(problem))
    if found is None:
        return "it cannot be parsed"
    line, reason = found.groups()
    return f"{reason[:1].lower()}{reason[1:200]} in line {line}"
