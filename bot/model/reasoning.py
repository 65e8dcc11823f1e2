"""Assembles the reasoning entries of a streamed reply, which the provider expects back unchanged. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.core import untrusted
from bot.core.json_text import JsonObject
from bot.core.untrusted import valid_unicode

_REASONING_TEXT: Final = ("text", "summary")
_REFERENCES: Final = ("id", "call_id", "tool_call_id")


class Reasoning:
    """One entry of reasoning_details, assembled from its fragments."""

    __slots__ = ("entry", "field", "parts")

    def __init__(self, entry: JsonObject) -> None:
        self.entry = dict(entry)
        self.field = next((name for name in _REASONING_TEXT if name in entry), None)
        self.parts: list[str] = [entry[self.field]] if self.field and isinstance(entry[self.field], str) else []

    def continued_by(self, entry: JsonObject) -> bool:
        """Return whether a fragment continues this entry.

        Fragments of one entry are consecutive and agree on type, index and id. The index alone is not enough, as some
        providers stream every entry with index 0. Encrypted entries are never split, and a signature ends an entry.
        """
        kind = self.entry.get("type")
        if kind != entry.get("type") or kind == "reasoning.encrypted" or self.entry.get("signature"):
            return False
        return all(
            self.entry.get(key) is None or entry.get(key) is None or self.entry[key] == entry[key]
            for key in ("index", "id", "format")
        )

    def add(self, entry: JsonObject) -> None:
        """Append a fragment."""
        for key, value in entry.items():
            if key in _REASONING_TEXT and isinstance(value, str):
                self.field = key
                self.parts.append(value)
            elif self.entry.get(key) is None:
                self.entry[key] = value

    def finished(self) -> JsonObject:
        """Return the complete entry."""
        if self.field is not None and self.parts:
            self.entry[self.field] = valid_unicode("".join(self.parts))
        return self.entry


def text_length(value: object) -> int:
    """Return the approximate length of a JSON value's text, in characters."""
    if isinstance(value, dict):
        return sum(len(key) + text_length(item) for key, item in value.items())
    if isinstance(value, list):
        return len(value) + sum(map(text_length, value))
    return len(value) if isinstance(value, str) else 8


def serializable(details: Iterable[JsonObject]) -> list[JsonObject]:
    """Return the entries that can be sent back as valid JSON: a NaN would make every later request invalid."""
    found: list[JsonObject] = []
    for entry in details:
        try:
            found.append(json.loads(untrusted.dumps(entry)))
        except (RecursionError, ValueError):
            continue
    return found


def renamed(details: Sequence[JsonObject], ids: Mapping[str, Sequence[str]]) -> list[JsonObject]:
    """Return the entries with the new ids of calls: Gemini ties the signature of a call to its id.

    ids: by old id, the new ones in the order of the calls. If several calls had the same id, the entries that refer to
    it are theirs in the same order.
    """
    seen: dict[str, int] = {}
    found: list[JsonObject] = []
    for entry in details:
        changed = dict(entry)
        for key in _REFERENCES:
            old = entry.get(key)
            if isinstance(old, str) and old in ids:
                place = seen.get(old, 0) if len(ids[old]) > 1 else 0
                changed[key] = ids[old][min(place, len(ids[old]) - 1)]
                seen[old] = place + 1
        found.append(changed)
    return found
