"""Determines the names under which tools are offered to the model.

MCP allows names of 128 characters with dots and slashes (specification, tools: tool names); the strictest providers
allow `^[a-zA-Z0-9_-]{1,64}$` (OpenAI) and want a letter first (Gemini, Moonshot). So names are cleaned and shortened,
and mapped back through a table, never by splitting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.core.json_text import sha256

MAX_NAME_LENGTH = 64
MAX_PREFIX_LENGTH = 32
SEPARATOR = "__"
LETTERS_FIRST = "server_"
"""Before the prefix of a server whose key does not begin with a letter."""

_OFFERABLE = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]+")
_UNDERSCORES = re.compile(r"_{2,}")
_HASH_LENGTHS = (8, 16, 32, 63)
"""Hexadecimal digits. No two names are known whose first 63 digits are equal."""


def prefix(key: str) -> str:
    """Return the prefix of a server's tools, from its key in the configuration. A key that is too long, or in which no
    character is left, gets a hash.

    It begins with a letter, and neither contains a double underscore nor ends with an underscore, so the first `__` of
    a name ends the prefix. Therefore two servers with different prefixes never offer the same name, whatever their
    tools are called.
    """
    found = _UNDERSCORES.sub("_", _FORBIDDEN.sub("_", key)).strip("_")
    if not found.strip("-_"):
        return f"{LETTERS_FIRST}{sha256(key)[:8]}"
    if not found[0].isalpha():
        found = f"{LETTERS_FIRST}{found.lstrip('-_')}".rstrip("_")
    if len(found) > MAX_PREFIX_LENGTH:
        found = f"{found[: MAX_PREFIX_LENGTH - 9].rstrip('_')}_{sha256(key)[:8]}"
    return found


def offered(server: str, remote_names: Iterable[str]) -> dict[str, str]:
    """Return the offered names of one server's tools, by the server's own names.

    In: the server's prefix and its names. A valid name stays as it is. Any other is cleaned, shortened and given a hash
    of the original, so that it depends on nothing else and stays the same when other tools come and go. Only a
    collision, with a valid name or between two hashes, makes the hash longer.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    altered: list[str] = []
    for remote in sorted(set(remote_names)):
        plain = f"{server}{SEPARATOR}{remote}"
        if _OFFERABLE.fullmatch(plain):
            names[remote] = plain
            taken.add(plain)
        else:
            altered.append(remote)
    for remote in altered:
        clean = _FORBIDDEN.sub("_", f"{server}{SEPARATOR}{remote}")
        digest = sha256(remote)
        candidates = (f"{clean[: MAX_NAME_LENGTH - length - 1]}_{digest[:length]}" for length in _HASH_LENGTHS)
        name = next(candidate for candidate in candidates if candidate not in taken)
        names[remote] = name
        taken.add(name)
    return names
