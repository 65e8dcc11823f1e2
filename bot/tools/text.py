"""Makes text from servers safe to pass on. Independent of MCP."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

DESCRIPTION_LIMIT = 1024
"""Characters. OpenAI rejects requests with longer function descriptions ("Invalid 'tools[0].function.description':
string too long. Expected a string with maximum length 1024")."""

_SURROGATE = re.compile("[\ud800-\udfff]")
# U+E0000-E0FFF contains the tag characters and variation selectors, in which text can be hidden that a model reads and
# a person does not see. NUL is rejected by databases and terminals.
_HIDDEN = re.compile("[\x00\U000e0000-\U000e0fff]")
_SPACES = re.compile(r"\s+")
_PLAIN = re.compile(r"[\n\t -~]*")
"""Characters that need no closer look; most texts consist of nothing else."""
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def sendable(value: Any) -> Any:
    """Return the same JSON value with every lone surrogate replaced by U+FFFD.

    A lone surrogate cannot be encoded as UTF-8, so it cannot be sent. Apply this before a call is shown for approval,
    so that what is shown is what is sent; applying it twice changes nothing. Raises RecursionError for very deep
    values.
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {sendable(key): sendable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sendable(item) for item in value]
    return value


def scrub(text: str) -> str:
    """Return a tool's output without hidden characters (see above) and lone surrogates."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _HIDDEN.sub("", text))


def visible(text: str, limit: int = DESCRIPTION_LIMIT) -> str:
    """Return a description as a person would see it, at most `limit` characters.

    Control characters (except line breaks and tabs), bidirectional overrides, zero-width and tag characters are
    removed: the model reads a tool's description, so it must contain nothing that a human reviewer does not see.
    """
    kept = text[: limit * 4]
    if not _PLAIN.fullmatch(kept):
        kept = "".join(
            character
            for character in _HIDDEN.sub("", kept)
            if character in "\n\t" or unicodedata.category(character) not in _UNSEEN
        )
    kept = kept.strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def line(text: str, limit: int = 200) -> str:
    """Return the visible text on one line, at most `limit` characters, for sentences that quote a server."""
    return visible(_SPACES.sub(" ", text[: limit * 4]), limit)
