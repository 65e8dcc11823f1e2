"""Names under which arguments are offered to the model, where a provider does not take the server's own.

Anthropic and Bedrock want `^[a-zA-Z0-9_.-]{1,64}$`, from the error message of both. APIs of the web have names such as
`$filter`, `settings[x]` and `StartTime<`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.core.json_text import sha256

MAX_LENGTH = 64
_FIT = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_.-]+")
_HASH_LENGTHS = (8, 16, 32, 62)


def offered(names: Iterable[str]) -> dict[str, str]:
    """Return the offered name for each of the server's own names.

    A name that fits stays as it is. Any other is cleaned and gets a hash, which is only longer if it collides; so it
    depends on the name alone and not on the order.
    """
    every = sorted(set(names))
    found = {name: name for name in every if _FIT.fullmatch(name)}
    taken = set(found)
    for own in every:
        if own in found:
            continue
        clean, digest = _FORBIDDEN.sub("_", own).strip("_"), sha256(own)
        candidates = (f"{clean[: MAX_LENGTH - length - 1]}_{digest[:length]}".lstrip("_") for length in _HASH_LENGTHS)
        found[own] = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(found[own])
    return found
