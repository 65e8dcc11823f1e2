"""Leaves out tools that the model's provider refuses, since it rejects the whole request for one of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.core import untrusted
from bot.core.json_text import JsonObject, sha256
from bot.core.untrusted import items, mapping, parsed, text

_INDEX: Final = (
    # Gemini has one tool with many functions.
    re.compile(r"function_?declarations?(?:\[|\.|['\"]?,\s*|\s*->\s*)(\d{1,4})\b", re.IGNORECASE),
    re.compile(r"(?<!\w)(?:tools|functions)(?:\[|\.|['\"]?,\s*|\s*->\s*)(\d{1,4})\b", re.IGNORECASE),
)
_MANY: Final = re.compile(r"too (?:many|long)|at most|maximum|\bmax\b|no more than|exceed|up to|limit", re.IGNORECASE)
_TOOLS: Final = re.compile(r"\b(?:tools?|functions?|function_?declarations?)\b", re.IGNORECASE)
_OF_A_MESSAGE: Final = re.compile(r"\bmessages?\W{0,3}\d|tool_calls?\W{0,3}\d|\bcontents\W\d", re.IGNORECASE)
_DEFINITIONS: Final = re.compile(r"grammar|json.?schema|input_schema|tool_?config|samplers", re.IGNORECASE)
"""Errors about the definitions that do not mention tools."""
_NUMBER: Final = re.compile(r"\b\d{1,4}\b")
_WORD: Final = re.compile(r"[\w-]{1,64}")
_MAX_LISTS: Final = 20


class RefusedTools:
    """The tools that the provider of one model has refused, until their definitions change."""

    def __init__(self) -> None:
        self._refused: set[str] = set()
        """Digests of definitions."""
        self._most: int | None = None
        """How many tools the provider accepts."""
        self._lists: dict[str, str] = {}

    def without(self, tools: str) -> str:
        """Return the JSON text of these tools without those that were refused."""
        if not self._refused and self._most is None:
            return tools
        if (found := self._lists.get(tools)) is None:
            kept = [tool for tool in items(parsed(tools)) if _digest(tool) not in self._refused][: self._most]
            if len(self._lists) >= _MAX_LISTS:
                self._lists.clear()
            found = self._lists[tools] = untrusted.dumps(kept)
        return found

    def learn(self, sent: str, words: str) -> Sequence[str]:
        """Find the tools that an error is about, and leave them out from now on.

        sent: the tools of the request that was refused. words: the provider's error message.

        Returns the names of the tools that are left out from now on; none if the error is not about a tool, or if no
        tool would be left.
        """
        if not _TOOLS.search(words):
            return ()
        tools: list[JsonObject] = [mapping(tool) for tool in items(parsed(sent))]
        wrong = _named(tools, words)
        if wrong and len(wrong) < len(tools):
            self._refused.update(_digest(tool) for tool in wrong)
        elif not wrong and (most := _most(len(tools), words)):
            self._most, wrong = most, tools[most:]
        else:
            return ()
        self._lists.clear()
        return [_name(tool) for tool in wrong]

    def may_be_meant(self, words: str) -> bool:
        """Return whether an error may be about the definition of some tool that it does not name."""
        about = _TOOLS.search(words) or _DEFINITIONS.search(words)
        return about is not None and not _OF_A_MESSAGE.search(words)

    def leave_out(self, tools: Sequence[JsonObject]) -> Sequence[str]:
        """Leave out these tools from now on. Returns their names."""
        self._refused.update(_digest(tool) for tool in tools)
        self._lists.clear()
        return [_name(tool) for tool in tools]


def _named(tools: Sequence[JsonObject], words: str) -> list[JsonObject]:
    """Return the tools to which the words refer, by position or by name."""
    for pattern in _INDEX:
        places = {int(found) for found in pattern.findall(words)}
        if places and (wrong := [tool for place, tool in enumerate(tools) if place in places]):
            return wrong
    if _OF_A_MESSAGE.search(words):
        return []
    said = set(_WORD.findall(words))
    return [tool for tool in tools if _name(tool) in said]


def _most(count: int, words: str) -> int | None:
    """Return the largest number of tools according to an error that says there are too many."""
    if not _MANY.search(words) or _OF_A_MESSAGE.search(words):
        return None
    return max((number for found in _NUMBER.findall(words) if 0 < (number := int(found)) < count), default=None)


def _name(tool: JsonObject) -> str:
    return text(mapping(tool.get("function")).get("name"))


def _digest(tool: object) -> str:
    return sha256(untrusted.dumps(tool))
