"""What tools are called towards the model.

MCP allows names of 128 characters with dots and slashes (specification, tools: tool names); the strictest provider
allows `^[a-zA-Z0-9_-]{1,64}$`. So names are cleaned and cut, and the way back is a table, never a split.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.core.json_text import sha256

MAX_NAME_LENGTH = 64
MAX_PREFIX_LENGTH = 32
SEPARATOR = "__"

_OFFERABLE = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]+")
_UNDERSCORES = re.compile(r"_{2,}")
_HASH_LENGTHS = (8, 16, 32, 63)
"""Hexadecimal digits; two names that agree in 63 of them have not been found by anybody yet."""


def prefix(key: str) -> str:
    """What the names of a server's tools begin with, from its key in the configuration; empty when nothing is left.

    It holds no double underscore and does not end in one, so the first `__` of a name ends the prefix: two servers with
    different prefixes can never offer the same name, whatever their tools are called.
    """
    return _UNDERSCORES.sub("_", _FORBIDDEN.sub("_", key)).strip("_")


def offered(server: str, remote_names: Iterable[str]) -> dict[str, str]:
    """The name each tool of one server is offered under, by the server's own name of it.

    In: the server's prefix, and the names as the server has them. A name that is allowed stays as it is. Any other is
    cleaned, cut and given a hash of the original, so that it depends on nothing but itself: it stays the same when
    other tools come and go. Only a clash with a name that is allowed as it is, or of two hashes, lengthens the hash.
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
