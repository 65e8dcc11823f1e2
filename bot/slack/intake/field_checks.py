"""Validators for the fields of Slack's payloads: ids by grammar, texts by length, objects by their fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.untrusted import text

Check = Callable[[Any], Any]
"""A validator: returns the value to pass on. Raises Malformed."""

Read = tuple[str, JsonObject, tuple[str, ...]]
"""A validated payload: its kind, the fields that are passed on, and the names of window fields that were ignored."""

MAX_LABEL = 255
"""Slack's limit of an action_id (docs.slack.dev/reference/block-kit/block-elements/button-element)."""
MAX_ITEMS = 100
"""Blocks of a window, elements of a block, options of a menu, authorizations of an event."""


class Malformed(ValueError):
    """A value that does not have the documented form. Its text is the name of the field."""


def within(place: str, check: Check, value: Any) -> Any:
    """Return a validated value. Raises Malformed with the path of the field, which starts with `place`."""
    try:
        return check(value)
    except Malformed as problem:
        raise Malformed(".".join(filter(None, (place, str(problem))))) from None


def anything(value: Any) -> Any:
    """Accept any value unchanged."""
    return value


def string(limit: int) -> Check:
    """Accept a text of at most `limit` characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit:
            raise Malformed
        return text(value)

    return check


def grammar(pattern: str) -> Check:
    """Accept a text that matches a regular expression in full."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: Any) -> str:
        try:
            if compiled.fullmatch(value):
                return value
        except TypeError:
            pass
        raise Malformed

    return check


def boolean(value: Any) -> bool:
    """Accept true and false, also as text, since commands are sent as forms."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Malformed


def record(
    fields: Mapping[str, Check], *, needed: tuple[str, ...] = (), rest: bool = False, nulls: bool = False
) -> Check:
    """Accept an object.

    Args:
        fields: validators by field. Other fields are dropped.
        needed: fields that must not be missing.
        rest: pass undeclared fields on unchecked instead.
        nulls: pass null on; otherwise it counts as a missing field, and so does an empty text where a field cannot be
            empty.
    """

    def check(value: Any) -> JsonObject:
        if not isinstance(value, dict):
            raise Malformed
        found: JsonObject = {}
        for name, given in value.items():
            if name not in fields:
                if rest:
                    found[name] = given
                continue
            try:
                if given is not None:
                    found[name] = fields[name](given)
                    continue
            except Malformed as problem:
                if given != "":
                    raise Malformed(".".join(filter(None, (name, str(problem))))) from None
            if nulls:
                found[name] = None
        for name in needed:
            if found.get(name) is None:
                raise Malformed(name)
        return found

    return check


def each(check: Check, least: int = 0) -> Check:
    """Accept a list of `least` to MAX_ITEMS values."""

    def checked(value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= MAX_ITEMS:
            raise Malformed
        return [check(item) for item in value]

    return checked


def keyed(check: Check) -> Check:
    """Accept an object with arbitrary names."""

    def checked(value: Any) -> JsonObject:
        if value == []:  # an empty object, as in the examples of docs.slack.dev/reference/methods/views.open
            return {}
        if not isinstance(value, dict) or len(value) > MAX_ITEMS or any(len(key) > MAX_LABEL for key in value):
            raise Malformed
        return {text(key): check(item) for key, item in value.items()}

    return checked


USER = grammar(r"[UW][A-Z0-9]{1,31}")
TEAM = grammar(r"[TE][A-Z0-9]{1,31}")
CHANNEL = grammar(r"[CGD][A-Z0-9]{1,31}")
VIEW_ID = grammar(r"V[A-Z0-9]{1,31}")
ID = grammar(r"[A-Z][A-Z0-9]{1,31}")
TS = grammar(r"[0-9]{1,12}(\.[0-9]{1,9})?")
NAME = grammar(r"[A-Za-z0-9_.:-]{1,100}")
TRIGGER = grammar(r"[A-Za-z0-9_.:-]{1,255}")
ADDRESS = grammar(r"https?://[!-~]{1,2000}")
COMMAND = grammar(r"/[^\s/]{1,100}")
LABEL = string(MAX_LABEL)
