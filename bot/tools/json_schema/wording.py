"""Says to a person what is wrong with one value, in words that need no place: they stand beside its field. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from bot.tools.text import line

MAX_WORDS: Final = 300
"""Characters of what is quoted from a schema or a value."""
MAX_LISTED: Final = 20
REQUIRED: Final = "This is required."
_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "a group of named values",
    "null": "empty",
}
_FORMATS: Final = {
    "date": "a date such as 2030-01-31",
    "date-time": "a date and time such as 2030-01-31T14:30:00Z",
    "time": "a time such as 14:30:00Z",
    "email": "an e-mail address",
    "uri": "a web address",
    "uuid": "an identifier such as 123e4567-e89b-12d3-a456-426614174000",
}


def unfit(validator: str, wanted: Any, found: Any, message: str) -> str:
    """Return what is wrong with a value.

    validator: the keyword of the schema that it does not satisfy; wanted: that keyword's value.
    message: what the validator says, for keywords that have no words here.
    """
    match validator:
        case _ if validator in _VALUE:
            words = f"This must {_VALUE[validator]} {_shown(wanted)}."
        case "required":
            words = REQUIRED
        case "type":
            kinds = wanted if isinstance(wanted, list) else [wanted]
            words = f"This must be {_either([_TYPES.get(str(kind), str(kind)) for kind in kinds])}."
        case "enum" if isinstance(wanted, list):
            words = f"This must be one of: {_listed(wanted)}."
        case "format":
            words = f"This must be {_FORMATS.get(str(wanted), f'of the form {line(str(wanted), 50)}')}."
        case "pattern":
            words = f"This does not have the form that the tool expects: {line(str(wanted), MAX_WORDS)}."
        case "minLength" | "maxLength" if isinstance(found, str):
            least = validator == "minLength"
            words = f"This is too {'short' if least else 'long'}: {_bound(wanted, least)}, not {len(found):,}."
        case "minItems" | "maxItems" if isinstance(found, list):
            least = validator == "minItems"
            bound = _bound(wanted, least, "entry", "entries")
            words = f"There are too {'few' if least else 'many'}: {bound}, not {len(found):,}."
        case "uniqueItems":
            words = "Two entries are the same."
        case "additionalProperties" if isinstance(found, Mapping):
            words = "The tool knows no value of this name."
        case "contains" | "minContains" | "maxContains":
            words = "An entry is missing that the tool needs here."
        case _:
            words = f"This does not fit: {line(message, MAX_WORDS)}."
    return words


_VALUE: Final = {
    "const": "be",
    "minimum": "be at least",
    "maximum": "be at most",
    "exclusiveMinimum": "be more than",
    "exclusiveMaximum": "be less than",
    "multipleOf": "be a multiple of",
}


def _bound(count: object, least: bool, one: str = "character", many: str = "characters") -> str:
    shown = f"{count:,}" if isinstance(count, int | float) else str(count)
    return f"at {'least' if least else 'most'} {shown} {one if count == 1 else many}"


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "something else"


def _shown(value: Any) -> str:
    plain = isinstance(value, str) and value.strip() == value and bool(value)
    return line(value if plain else json.dumps(value, ensure_ascii=False), MAX_WORDS)


def _listed(values: list[Any]) -> str:
    shown = ", ".join(_shown(value) for value in islice(values, MAX_LISTED))
    return line(f"{shown} and {len(values) - MAX_LISTED:,} more" if len(values) > MAX_LISTED else shown, MAX_WORDS)
