"""Checks whether a JSON Schema is valid, as far as validating arguments depends on it. Pure.

The metaschema covers the same and more, but validating with it takes about a millisecond per property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")


def flaw(schema: Any) -> str | None:
    """Return the first keyword with an invalid value, in a few words; None if there is none."""
    left = [schema]
    while left:
        found = left.pop()
        if isinstance(found, bool):
            continue
        if not isinstance(found, dict):
            return f"there is {found!r} where a schema must be"
        for key, value in found.items():
            check = _VALUES.get(key)
            if check is not None and not check(value):
                return f"`{key}` must not be {value!r}"
            left.extend(_parts(key, value))
    return None


def _parts(key: str, value: Any) -> Iterable[Any]:
    """Return the subschemas of a keyword."""
    if key in _ONE or key in _CONDITIONAL:
        return value if isinstance(value, list) else (value,)
    if key in _SEVERAL:
        return value
    if key in _NAMED:
        return [part for part in value.values() if not (key == "dependencies" and isinstance(part, list | str))]
    return ()


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return _number(value) and value >= 0 and value == int(value)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _type(value: Any) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= len(TYPES) and all(isinstance(each, str) and each in TYPES for each in value)
    return isinstance(value, str) and value in TYPES


_ONE: Final = ("items", "contains", "additionalProperties", "additionalItems", "propertyNames", "not")
_CONDITIONAL: Final = ("if", "then", "else")
_SEVERAL: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")
_VALUES: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys((*_ONE, *_CONDITIONAL), lambda value: isinstance(value, dict | bool)),
    "items": lambda value: isinstance(value, dict | bool | list),
    **dict.fromkeys(_SEVERAL, lambda value: isinstance(value, list)),
    **dict.fromkeys(_NAMED, lambda value: isinstance(value, dict)),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        _count,
    ),
    **dict.fromkeys(("minContains", "maxContains"), _count),
    **dict.fromkeys(("minimum", "maximum"), _number),
    # In Draft 4 these are booleans.
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), lambda value: isinstance(value, int | float)),
    "multipleOf": lambda value: _number(value) and value > 0,
    **dict.fromkeys(("$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor", "pattern"), _text),
    "required": _texts,
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_texts, value.values())),
    "uniqueItems": lambda value: isinstance(value, bool),
    "enum": lambda value: isinstance(value, list),
    "type": _type,
}
