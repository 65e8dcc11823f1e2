"""The fields of a form that a tool server has people fill in, and what they have entered. Pure.

The schema is the restricted JSON Schema of MCP's elicitation: an object of texts, numbers, booleans and choices
(https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation). It comes from a server, so everything in
it may be of any type and size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.core import periods
from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, parsed, text

MAX_FIELDS = 40
MAX_OPTIONS = 100
"""Slack's limit for a menu."""
MAX_TEXT = 3_000
"""Characters of one field; Slack's limit."""
MAX_NAME, MAX_VALUE = 200, 500
"""Characters of the name of a field, and of the value of an option."""

INFINITE = float("inf")
_SECONDS = re.compile(r"[0-9]{1,11}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\".]+(\.[^\s@<>\".]+)+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,3})?")
_YES, _NO = "0", "1"


class Kind(StrEnum):
    """The kind of a field."""

    TEXT = "text"
    EMAIL = "email"
    URI = "uri"
    DATE = "date"
    MOMENT = "date-time"
    INTEGER = "integer"
    NUMBER = "number"
    YES_OR_NO = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"


class UnsupportedFormError(Exception):
    """A form cannot be shown. The text says why, for the model."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field."""

    id: str
    """The key of what is entered (`Click.values`)."""
    name: str
    kind: Kind
    schema: Mapping[str, Any]
    required: bool
    options: Sequence[tuple[str, str]] = ()
    """(value, label) of each option of a choice."""
    initial: tuple[str, ...] = field(default=())
    """What is entered at first: the default; of a choice, the indexes of options."""


def fields_of(schema: Mapping[str, Any]) -> Sequence[FormField]:
    """Return the fields of a form. Raises UnsupportedFormError if one that is required cannot be shown."""
    properties = mapping(schema.get("properties"))
    required = {each for each in items(schema.get("required")) if isinstance(each, str)}
    if len(properties) > MAX_FIELDS:
        raise UnsupportedFormError(f"the form has more than {MAX_FIELDS} fields")
    found: list[FormField] = []
    for number, (name, described) in enumerate(properties.items()):
        made = _field(f"f{number}", name, mapping(described), name in required) if len(name) <= MAX_NAME else None
        if made is not None:
            found.append(made)
        elif name in required:
            raise UnsupportedFormError("a required field is of a kind that no form has")
    if not required <= {each.name for each in found}:
        raise UnsupportedFormError("a required field is not described")
    return found


def read(fields: Sequence[FormField], values: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """Return what was entered, by the server's names, and a sentence about each invalid value by the field's id."""
    content: JsonObject = {}
    wrong: dict[str, str] = {}
    for each in fields:
        entered = values.get(each.id, "")
        try:
            if entered.strip():
                content[each.name] = _READERS[each.kind](each, entered)
            elif each.required:
                wrong[each.id] = "This is required."
        except ValueError as problem:
            wrong[each.id] = str(problem)
    return content, wrong


def _field(id_: str, name: str, schema: JsonObject, required: bool) -> FormField | None:
    """Return a field; None if its schema is of another kind."""
    options: Sequence[tuple[str, str]] = ()
    match schema.get("type"):
        case "boolean":
            kind, options = Kind.YES_OR_NO, ((_YES, "Yes"), (_NO, "No"))
        case "integer" | "number" as number:
            kind = Kind(number)
        case "array":
            kind, options = Kind.CHOICES, _options(mapping(schema.get("items")), "anyOf")
            if not options:
                return None
        case "string" if "enum" in schema or "oneOf" in schema:
            kind, options = Kind.CHOICE, _options(schema, "oneOf")
            if not options:
                return None
        case "string":
            kind = _KINDS.get(text(schema.get("format")), Kind.TEXT)
        case _:
            return None
    made = FormField(id_, name, kind, schema, required, options)
    return FormField(id_, name, kind, schema, required, options, _initial(made, schema.get("default")))


def _options(schema: JsonObject, titled: str) -> Sequence[tuple[str, str]]:
    """Return the options of a choice; none if there are too many, or any that is no text."""
    names = items(schema.get("enumNames"))
    listed = [(value, value) for value in items(schema.get("enum"))]
    if len(names) == len(listed):
        listed = [(value, name) for (value, _), name in zip(listed, names, strict=True)]
    listed = listed or [(mapping(each).get("const"), mapping(each).get("title")) for each in items(schema.get(titled))]
    found = [(value, label if isinstance(label, str) and label.strip() else value) for value, label in listed]
    fit = all(isinstance(value, str) and len(value) <= MAX_VALUE for value, _ in found)
    return found if fit and len(found) <= MAX_OPTIONS and len(dict(found)) == len(found) else ()


def _initial(of: FormField, default: object) -> tuple[str, ...]:
    """Return what a default puts into a field; nothing if it is no valid value."""
    values = [value for value, _ in of.options]
    match of.kind:
        case Kind.YES_OR_NO:
            return (_YES if default else _NO,) if isinstance(default, bool) else ()
        case Kind.CHOICE:
            return (str(values.index(str(default))),) if default in values else ()
        case Kind.CHOICES:
            return tuple(str(values.index(each)) for each in dict.fromkeys(map(str, items(default))) if each in values)
        case Kind.INTEGER | Kind.NUMBER:
            number = isinstance(default, int | float) and not isinstance(default, bool)
            entered = json.dumps(default) if number else ""
        case _:
            # A field of a window does not begin with more than it takes.
            entered = default if isinstance(default, str) and len(default) <= MAX_TEXT else ""
    try:
        return (entered,) if entered.strip() and _READERS[of.kind](of, entered) is not None else ()
    except ValueError:
        return ()


def _text(of: FormField, entered: str) -> str:
    low, high = _count(of.schema.get("minLength")), _count(of.schema.get("maxLength"))
    if low is not None and len(entered) < low:
        raise ValueError(f"Use at least {low:,} characters.")
    if high is not None and len(entered) > high:
        raise ValueError(f"Use at most {high:,} characters.")
    return entered


def _email(of: FormField, entered: str) -> str:
    if not _EMAIL.fullmatch(entered.strip()):
        raise ValueError("This is no email address.")
    return _text(of, entered.strip())


def _uri(of: FormField, entered: str) -> str:
    entered = entered.strip()
    if not _URI.fullmatch(entered):
        raise ValueError("This is no address, such as https://example.com.")
    return _text(of, entered)


def _date(of: FormField, entered: str) -> str:
    if not periods.is_day(entered):
        raise ValueError("This is no date, such as 2030-01-31.")
    return entered


def _moment(of: FormField, entered: str) -> str:
    """Return a date and time. A calendar of Slack's gives seconds since 1970, a default is a text."""
    if _SECONDS.fullmatch(entered):
        return periods.moment(int(entered))
    if not (_MOMENT.fullmatch(entered) and periods.is_day(entered[:10])):
        raise ValueError("This is no date and time.")
    return entered


def _integer(of: FormField, entered: str) -> int:
    if not _INTEGER.fullmatch(entered.strip()):
        raise ValueError("Enter a whole number.")
    return _within(of, int(entered))


def _number(of: FormField, entered: str) -> float:
    found = float(entered) if _NUMBER.fullmatch(entered.strip()) else INFINITE
    if not abs(found) < INFINITE:
        raise ValueError("Enter a number.")
    return _within(of, int(entered) if _INTEGER.fullmatch(entered.strip()) else found)


def _within(of: FormField, number: Any) -> Any:
    low, high = _limit(of.schema.get("minimum")), _limit(of.schema.get("maximum"))
    if low is not None and number < low:
        raise ValueError(f"Enter at least {low}.")
    if high is not None and number > high:
        raise ValueError(f"Enter at most {high}.")
    return number


def _yes_or_no(of: FormField, entered: str) -> bool:
    if entered not in (_YES, _NO):
        raise ValueError("Choose Yes or No.")
    return entered == _YES


def _choice(of: FormField, entered: str) -> str:
    if not (entered.isascii() and entered.isdigit() and int(entered) < len(of.options)):
        raise ValueError("Choose one of the options.")
    return of.options[int(entered)][0]


def _choices(of: FormField, entered: str) -> list[str]:
    found = parsed(entered)
    if not isinstance(found, list):
        raise ValueError("Choose among the options.")
    chosen = [_choice(of, str(each)) for each in found]
    low, high = _count(of.schema.get("minItems")), _count(of.schema.get("maxItems"))
    if low is not None and len(chosen) < low:
        raise ValueError(f"Choose at least {low}.")
    if high is not None and len(chosen) > high:
        raise ValueError(f"Choose at most {high}.")
    return chosen


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _limit(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < INFINITE else None


_KINDS = {"email": Kind.EMAIL, "uri": Kind.URI, "date": Kind.DATE, "date-time": Kind.MOMENT}
_READERS: Mapping[Kind, Callable[[FormField, str], Any]] = {
    Kind.TEXT: _text,
    Kind.EMAIL: _email,
    Kind.URI: _uri,
    Kind.DATE: _date,
    Kind.MOMENT: _moment,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.YES_OR_NO: _yes_or_no,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
}
