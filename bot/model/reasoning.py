"""The reasoning of a streamed reply put together: entries that the provider wants back as they were. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from bot.core import untrusted
from bot.core.json_text import JsonObject
from bot.core.untrusted import whole

_REASONING_TEXT: Final = ("text", "summary")


class Reasoning:
    """One entry of reasoning_details on its way."""

    __slots__ = ("entry", "field", "parts")

    def __init__(self, entry: JsonObject) -> None:
        self.entry = dict(entry)
        self.field = next((name for name in _REASONING_TEXT if name in entry), None)
        self.parts: list[str] = [entry[self.field]] if self.field and isinstance(entry[self.field], str) else []

    def continued_by(self, entry: JsonObject) -> bool:
        """Whether a fragment belongs to this entry. Fragments of one entry follow each other and agree on type, index
        and id; index alone decides nothing, as some providers stream every entry with index 0. Encrypted entries come
        whole, and nothing follows the signature of an entry."""
        kind = self.entry.get("type")
        if kind != entry.get("type") or kind == "reasoning.encrypted" or self.entry.get("signature"):
            return False
        return all(
            self.entry.get(key) is None or entry.get(key) is None or self.entry[key] == entry[key]
            for key in ("index", "id", "format")
        )

    def add(self, entry: JsonObject) -> None:
        for key, value in entry.items():
            if key in _REASONING_TEXT and isinstance(value, str):
                self.field = key
                self.parts.append(value)
            elif self.entry.get(key) is None:
                self.entry[key] = value

    def finished(self) -> JsonObject:
        if self.field is not None and self.parts:
            self.entry[self.field] = whole("".join(self.parts))
        return self.entry


def weight(value: object) -> int:
    """About how many characters a value is written with."""
    if isinstance(value, dict):
        return sum(len(key) + weight(item) for key, item in value.items())
    if isinstance(value, list):
        return len(value) + sum(map(weight, value))
    return len(value) if isinstance(value, str) else 8


def sound(details: Iterable[JsonObject]) -> list[JsonObject]:
    """Those entries of reasoning that JSON can carry back: a number that is none would spoil every later request."""
    found: list[JsonObject] = []
    for entry in details:
        try:
            found.append(json.loads(untrusted.dumps(entry)))
        except (RecursionError, ValueError):
            continue
    return found
