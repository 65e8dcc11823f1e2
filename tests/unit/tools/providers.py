"""The strictest model provider there could be: what it has against a function's parameters.

Each rule is one that a real provider answers with HTTP 400 for the whole request; see `bot.tools.json_schema.portable`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
KEYWORDS = {
    "type",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "anyOf",
    "default",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
}


def complaints(parameters: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with the root and below."""
    found: list[str] = []
    if parameters.get("type") != "object" or not isinstance(parameters.get("properties"), dict):
        found.append("root: no object with properties")
    found += [f"root: {key}" for key in ("anyOf", "oneOf", "allOf", "not", "enum", "$ref") if key in parameters]
    found += [f"name: {name}" for name in parameters["properties"] if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name)]
    return found + _below("root", parameters)


def _below(place: str, schema: Any) -> list[str]:
    if not isinstance(schema, dict):
        return [f"{place}: not an object"]
    found = [f"{place}: unknown keyword {key}" for key in schema if key not in KEYWORDS]
    kind = schema.get("type")
    if kind is not None and (not isinstance(kind, str) or kind not in TYPES):
        found.append(f"{place}: type {kind!r}")
    if kind == "array" and not schema.get("items", {}).keys() & {"type", "anyOf"}:
        found.append(f"{place}: items without a type")
    enum = schema.get("enum")
    if enum is not None and (
        kind != "string" or not enum or not all(isinstance(value, str) and value for value in enum)
    ):
        found.append(f"{place}: enum {enum!r} of {kind}")
    if schema.get("format", "date-time") != "date-time":
        found.append(f"{place}: format")
    if not set(schema.get("required", ())) <= set(schema.get("properties", ())):
        found.append(f"{place}: requires what is not there")
    if "anyOf" in schema and not schema["anyOf"]:
        found.append(f"{place}: empty anyOf")
    for name, value in schema.get("properties", {}).items():
        found += _below(f"{place}.{name}", value)
    for index, value in enumerate(schema.get("anyOf", ())):
        found += _below(f"{place}|{index}", value)
    if "items" in schema:
        found += _below(f"{place}[]", schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        found += _below(f"{place}.*", schema["additionalProperties"])
    return found
