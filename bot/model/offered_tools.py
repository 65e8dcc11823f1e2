"""The tools of a request, looked up when a reply names them in an unusual way. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, parsed, text

_SPECIAL: Final = re.compile(r"<[|｜].*|:\d{1,4}\Z|\(\s*\)\Z", re.DOTALL)
"""What may be behind a name by mistake: tokens of the chat template, the number of the call, parentheses."""
_WRAPPER: Final = re.compile(r"[.:/]")
_TRAINED: Final = re.compile(r"\A(?:mcp|functions?|default_api|tools?)_{1,2}")
"""Wrappers that models are trained on, in the form in which they are part of a name."""
_NOISE: Final = re.compile(r"[^a-z0-9]+")
_ALLOWED: Final = re.compile(r"[^a-zA-Z0-9_-]")
MAX_NAME_CHARS: Final = 1_000
"""Characters of a name that are looked at."""


class OfferedTools:
    """The names and schemas of the tools in a request."""

    def __init__(self, tools: str = "[]") -> None:
        """tools: the JSON text of the request's tools. It is parsed only when that is needed."""
        self._text = tools

    def has(self, name: str) -> bool:
        """Return whether there is a tool with exactly this name, without parsing the tools."""
        quoted = json.dumps(name)
        return f'"name":{quoted}' in self._text or f'"name": {quoted}' in self._text

    def parameters(self, name: str) -> Mapping[str, Any]:
        """Return the properties in the schema of a tool; empty if there are none."""
        return mapping(mapping(self._functions.get(name, {}).get("parameters")).get("properties"))

    def resolve(self, name: str) -> str | None:
        """Return the tool that a name stands for; None if there is none, or more than one.

        Recognised are wrappers that models are trained on (`functions.`, `default_api:`), what is left of a chat
        template behind the name, and other letter case and punctuation.
        """
        if len(name) > MAX_NAME_CHARS:
            return None
        if self.has(name):
            return name
        bare = _SPECIAL.sub("", name.strip().strip("\"'`")).strip()
        if bare not in self._functions and (unwrapped := _TRAINED.sub("", bare)) in self._functions:
            return unwrapped
        wrapped = _WRAPPER.split(bare)
        for start in range(len(wrapped)):
            if (found := ".".join(wrapped[start:])) in self._functions:
                return found
        alike = {found for start in range(len(wrapped)) for found in self._alike.get(_plain(wrapped[start:]), ())}
        return alike.pop() if len(alike) == 1 else None

    @cached_property
    def _functions(self) -> Mapping[str, JsonObject]:
        functions = [mapping(mapping(tool).get("function")) for tool in items(parsed(self._text))]
        return {text(function.get("name")): function for function in functions}

    @cached_property
    def _alike(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name in self._functions:
            found.setdefault(_plain([name]), set()).add(name)
        return found


def _plain(parts: Sequence[str]) -> str:
    return _NOISE.sub("", "".join(parts).casefold())


def sendable(name: str) -> str:
    """Return a name that every provider accepts in the history: letters, digits, `_` and `-`, a letter first."""
    found = _ALLOWED.sub("_", name[:64]) or "unnamed"
    return found if found[0].isalpha() else f"tool_{found}"[:64]
