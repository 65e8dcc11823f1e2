"""Determines the kind of field that an argument needs, from the tool's schema and the argument's value. Pure.

A schema comes from a server: references may be circular, and everything in it may be of any type and size. The number
of references and alternatives that are followed is bounded; what is beyond that is a free-form value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any, Final
from urllib.parse import unquote

from bot.core.json_text import JsonObject, canonical

MAX_STEPS: Final = 2_000
"""References, alternatives and `allOf` parts that are followed for one form."""
MAX_IN_A_ROW: Final = 20
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
_MENU: Final = 98
"""Options of a menu (Slack's limit is 100), besides one for null and one for an unset value."""
_ODD: Final = re.compile(r"[\r\n\ud800-\udfff]")
_SECONDS: Final = range(1_000_000_000, 10_000_000_000)
"""Times that a datetimepicker takes (https://docs.slack.dev/reference/block-kit/block-elements/datetime-picker-element)."""


class Absent(Enum):
    """The value of an argument that is not set."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class Kind(StrEnum):
    """The kind of field that a value gets."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    SCALAR = "scalar"
    """A text, a number or a boolean, typed as text."""
    CHOICE = "choice"
    NAMED = "named"
    """One of more values than fit into a menu, typed as text."""
    CHOICES = "choices"
    LINES = "lines"
    """A list of texts or numbers, one per line."""
    DATE = "date"
    MOMENT = "moment"
    JSON = "json"
    OBJECT = "object"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Shape:
    """The kind of an argument, and what its schema says about it."""

    kind: Kind
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The schema without references; of alternatives, the one that matches the value."""
    nullable: bool = False
    options: tuple[Any, ...] = ()
    types: frozenset[str] = frozenset()
    """The types of a scalar, or of the entries of a list of lines."""


@dataclass(slots=True)
class Schemas:
    """The schema of a tool, with the number of steps that may still be followed in it."""

    root: Mapping[str, Any]
    left: int = MAX_STEPS

    def shape(self, node: object, value: object) -> Shape:
        """Return the shape of a value from its schema, which may be any JSON."""
        found, nullable = self._chosen(node, value)
        if "const" in found:
            return self._enumerated(found, [found["const"]], nullable)
        listed = found.get("enum")
        if isinstance(listed, list) and listed:
            return self._enumerated(found, listed, nullable)
        types, nullable = _types(found, value, nullable)
        if value is None and not nullable:
            return Shape(Kind.JSON, found)
        if len(types) > 1:
            return Shape(Kind.SCALAR, found, nullable, types=types)
        return self._typed(next(iter(types), ""), found, value, nullable)

    def plain(self, node: object, depth: int = 0) -> JsonObject:
        """Return a schema with references and `allOf` resolved."""
        found: JsonObject = dict(node) if isinstance(node, dict) else {}
        for _ in range(MAX_IN_A_ROW):
            ref = found.pop("$ref", None)
            if not isinstance(ref, str) or not self._spend():
                break
            found = {**self._target(ref), **found}
        found.pop("$ref", None)
        parts = found.pop("allOf", None)
        for part in parts[:MAX_IN_A_ROW] if isinstance(parts, list) and depth < MAX_IN_A_ROW else ():
            if self._spend():
                found = _merged(found, self.plain(part, depth + 1))
        return found

    def _spend(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def _target(self, ref: str) -> JsonObject:
        """Return the target of a reference within the schema; an empty schema if there is none."""
        if ref != "#" and not ref.startswith("#/"):
            return {}
        here: Any = self.root
        for step in unquote(ref[2:]).split("/")[:50] if len(ref) > 1 else ():
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(here, list) and name.isascii() and name.isdigit() and len(name) < 6:
                here = here[int(name)] if int(name) < len(here) else None
            else:
                here = here.get(name) if isinstance(here, Mapping) else None
        return dict(here) if isinstance(here, dict) else {}

    def _chosen(self, node: object, value: object) -> tuple[JsonObject, bool]:
        """Return the alternative of a schema that matches the value, and whether null is another."""
        found = self.plain(node)
        nullable = found.get("nullable") is True
        for _ in range(3):
            word = next((each for each in ("anyOf", "oneOf") if isinstance(found.get(each), list)), "")
            if not word or not self._spend():
                break
            parts = [self.plain(part) for part in found.pop(word)[:MAX_IN_A_ROW] if self._spend()]
            others = [part for part in parts if not _is_null(part)]
            nullable = nullable or len(others) < len(parts)
            found = _merged(found, _alternative(others, value))
        return found, nullable

    def _enumerated(self, found: JsonObject, listed: Sequence[Any], nullable: bool) -> Shape:
        options = tuple(each for each in listed if each is not None and _is_json(each))
        nullable = nullable or len(options) < len(listed)
        if not options:
            return Shape(Kind.JSON, found, nullable)
        return Shape(Kind.CHOICE if len(options) <= _MENU else Kind.NAMED, found, nullable, options)

    def _typed(self, kind: str, found: JsonObject, value: object, nullable: bool) -> Shape:
        match kind:
            case "boolean":
                return Shape(Kind.CHOICE, found, nullable, (True, False))
            case "integer" | "number":
                return Shape(Kind(kind), found, nullable)
            case "string":
                return Shape(_text_kind(found, value), found, nullable)
            case "array" if isinstance(value, list | Absent | None):
                return self._list(found, value or (), nullable)
            case "object" if isinstance(value, dict | Absent | None) and _named(found):
                return Shape(Kind.OBJECT, found, nullable)
            case _:
                return Shape(Kind.JSON, found, nullable)

    def _list(self, found: JsonObject, value: object, nullable: bool) -> Shape:
        values: Sequence[Any] = value if isinstance(value, list) else ()
        described = isinstance(found.get("items"), dict)
        if not described and not all(isinstance(each, str) for each in values):
            return Shape(Kind.JSON, found, nullable)
        entry = self.shape(found.get("items") if described else {"type": "string"}, ABSENT)
        if entry.kind is Kind.CHOICE and _menu_of(entry.options, values):
            return Shape(Kind.CHOICES, found, nullable, entry.options)
        lines = _lines(entry, values)
        if lines:
            return Shape(Kind.LINES, found, nullable, types=frozenset({lines}))
        return Shape(Kind.LIST if values else Kind.JSON, found, nullable)


def _lines(entry: Shape, values: Sequence[Any]) -> str:
    """Return the type of a list's entries if each fits on one line; empty if not."""
    texts = entry.kind in (Kind.TEXT, Kind.DATE, Kind.MOMENT, Kind.NAMED, Kind.CHOICE)
    if texts and all(map(_is_line, (*entry.options, *values))):
        return "string"
    numbers = entry.kind in (Kind.INTEGER, Kind.NUMBER) and not entry.nullable
    return entry.kind.value if numbers and all(map(_is_number, values)) else ""


def _types(found: Mapping[str, Any], value: object, nullable: bool) -> tuple[frozenset[str], bool]:
    """Return the types that a value may have, and whether it may be null. Several types are scalars."""
    kind = found.get("type")
    named = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    types = [each for each in named if isinstance(each, str)]
    nullable = nullable or "null" in types
    types = [each for each in types if each != "null"]
    if len(types) > 1 and (not _SCALARS.issuperset(types)):
        own = _type_of(value)
        fits = own if own in types else "number" if own == "integer" and "number" in types else ""
        types = [fits or next((each for each in types if each in _SCALARS), types[0])]
    if not types:
        types = ["object"] if _named(found) else ["array"] if "items" in found else []
        types = types or ([_type_of(value)] if isinstance(value, str | bool | int | float | list) else [])
    if set(types) == {"integer", "number"}:
        types = ["number"]
    return frozenset(types), nullable


def _type_of(value: object) -> str:
    kinds = ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "")


def _named(found: Mapping[str, Any]) -> bool:
    properties = found.get("properties")
    return isinstance(properties, dict) and bool(properties)


def _is_null(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("null", ["null"]) or ("const" in part and part["const"] is None)


def _alternative(parts: Sequence[JsonObject], value: object) -> JsonObject:
    """Return the alternative that matches a value; for scalars, what all of them have in common."""
    if len(parts) < 2:
        return parts[0] if parts else {}
    listed = [_values(part) for part in parts]
    if all(listed):
        return {"enum": [each for some in listed for each in some]}
    types = [part.get("type") for part in parts]
    if all(kind in _SCALARS for kind in map(str, types)) and not any(listed) and len(set(map(str, types))) > 1:
        return {"type": types}
    if value is ABSENT or value is None:
        simple = (part for part in parts if part.get("type") in ("string", "integer", "number", "boolean"))
        return next(simple, parts[0] if all(part.get("type") != "object" for part in parts) else {})
    return next((part for part in parts if _fits(part, value)), {})


def _values(part: Mapping[str, Any]) -> list[Any]:
    if "const" in part:
        return [part["const"]]
    listed = part.get("enum")
    return listed if isinstance(listed, list) else []


def _fits(part: Mapping[str, Any], value: object) -> bool:
    """Return whether a value matches an alternative, by its type, required names and constants."""
    listed = _values(part)
    if listed:
        return any(_same(value, each) for each in listed)
    kind, own = part.get("type"), _type_of(value)
    types = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    if types and own not in types and not (own == "integer" and "number" in types):
        return False
    if not isinstance(value, dict):
        return True
    needed = part.get("required")
    if isinstance(needed, list) and any(isinstance(name, str) and name not in value for name in needed):
        return False
    properties = part.get("properties")
    fixed = properties if isinstance(properties, dict) else {}
    if part.get("additionalProperties") is False and not value.keys() <= fixed.keys():
        return False
    return all(
        name not in value or not isinstance(each, dict) or not _values(each) or _fits(each, value[name])
        for name, each in fixed.items()
    )


def _same(one: object, other: object) -> bool:
    return _is_json(one) and _is_json(other) and canonical(one) == canonical(other)


def _is_json(value: object) -> bool:
    try:
        return bool(canonical(value))
    except (TypeError, ValueError, RecursionError):
        return False


def _merged(one: JsonObject, other: JsonObject) -> JsonObject:
    """Return a schema that combines two, as far as a form needs. Texts of the first take precedence."""
    merged = {**other, **one}
    for word in ("properties", "required"):
        mine, its = one.get(word), other.get(word)
        if isinstance(mine, dict) and isinstance(its, dict):
            merged[word] = {**its, **mine}
        if isinstance(mine, list) and isinstance(its, list):
            merged[word] = [*mine, *its]
    return merged


def _text_kind(found: Mapping[str, Any], value: object) -> Kind:
    text = value if isinstance(value, str) else ""
    match found.get("format"):
        case "date" if not text or _is_date(text):
            return Kind.DATE
        case "date-time" if not text or seconds(text) is not None:
            return Kind.MOMENT if value != "" else Kind.TEXT
        case _:
            return Kind.TEXT


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def seconds(text: str) -> int | None:
    """Return a date and time with offset as seconds since 1970; None if a form has no field for it."""
    try:
        moment = datetime.fromisoformat(text)
        at = int(moment.timestamp()) if moment.tzinfo else 0
    except (ValueError, OverflowError):
        return None
    return at if at in _SECONDS and "T" in text.upper() else None


def _menu_of(options: Sequence[Any], values: Sequence[Any]) -> bool:
    """Return whether a menu can have these values selected, each once."""
    known = {canonical(option) for option in options}
    texts = [canonical(value) for value in values]
    return len(set(texts)) == len(texts) and known.issuperset(texts)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value == value.strip() and not _ODD.search(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and len(json.dumps(value)) < 400
