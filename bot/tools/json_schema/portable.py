"""Converts tools' JSON Schemas to a form that every provider accepts. (`arguments.py` validates against the original.)

A provider rejects the whole request if it does not accept one schema in it, so one bad tool would silence the bot. The
rules, each from the error message of the provider that enforces it:
- Anthropic, Bedrock: the root is an object without anyOf, oneOf, allOf; no `$ref` anywhere; the names of arguments
  match `^[a-zA-Z0-9_.-]{1,64}$`.
- Gemini: arrays have `items`, and those a type; `enum` contains non-empty strings only; `format` is `date-time` or
  absent; no type lists in `items`; unions are `anyOf`.
- OpenAI: every pattern is a regular expression in its own dialect; enums are limited in size.

What these rules do not allow is dropped, or added to the description: the server's own schema still decides whether a
call is valid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from bot.core.json_text import JsonObject
from bot.tools.json_schema import argument_names
from bot.tools.text import line, visible

MAX_NODES = 1000
"""Subschemas in one schema. Two `$ref`s that each contain two grow without end; anything beyond the limit counts as
"anything"."""
MAX_DEPTH = 24
MAX_VALUES = 20_000
"""JSON values in one schema, and hundreds of characters of its texts. A larger one is offered as "any object"."""
MAX_FORMS = 50
"""Forms of a list in which each position has a schema of its own."""
MAX_ENUM_VALUES = 250
"""OpenAI limits the size of larger enums (structured outputs: limitations on enum size)."""

_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_ANYTHING_IN_A_LIST: JsonObject = {"type": "string"}


def convert(schema: Mapping[str, Any]) -> JsonObject:
    """Return a function tool's `parameters` from a tool's `inputSchema`, whatever that is: an object schema that every
    provider accepts. References are resolved within the schema only; nothing is ever fetched."""
    return convert_with_names(schema)[0]


def convert_with_names(schema: Mapping[str, Any]) -> tuple[JsonObject, dict[str, str]]:
    """Return the same, and the server's own name of each argument that has another one there, by that name."""
    if _too_large(schema):
        return {"type": "object", "properties": {}}, {}
    found = _Converter(schema).convert(schema, 0, ())
    properties: JsonObject = dict(found.get("properties", {}))
    required: set[str] = set(found.get("required", ()))
    forms: list[JsonObject] = found.get("anyOf", [])
    for form in forms:
        for name, value in form.get("properties", {}).items():
            properties[name] = _either(properties[name], value) if name in properties else value
    if forms:
        required |= set.intersection(*(set(form.get("required", ())) for form in forms))
    names = argument_names.offered(properties)
    parameters: JsonObject = {
        "type": "object",
        "properties": {names[own]: _explained(value, own, names[own]) for own, value in properties.items()},
        "required": [names[own] for own in properties if own in required],
    }
    if "additionalProperties" in found and not forms:
        parameters["additionalProperties"] = found["additionalProperties"]
    if "description" in found:
        parameters["description"] = found["description"]
    _tidy(parameters)
    return parameters, {name: own for own, name in names.items() if name != own}


def _explained(value: Any, own: str, name: str) -> Any:
    """Return the schema of an argument; if its name was changed, with the server's own, which messages about it use."""
    if name == own or not isinstance(value, dict):
        return value
    return {**value, "description": f"`{line(own, 200)}` {value.get('description', '')}".rstrip()}


def _too_large(schema: Any) -> bool:
    """Whether a schema is too large to convert, and to send with every request."""
    room = MAX_VALUES
    left = [schema]
    while left and room >= 0:
        value = left.pop()
        if isinstance(value, Mapping):
            room -= len(value) + sum(len(key) for key in value) // 100 if len(value) <= room else room + 1
            left.extend(value.values() if room >= 0 else ())
        elif isinstance(value, list):
            room -= len(value)
            left.extend(value if room >= 0 else ())
        elif isinstance(value, str):
            room -= len(value) // 100
    return room < 0


class _Converter:
    """One conversion, with the schema in which references are resolved and the remaining budget."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes_left = MAX_NODES

    def convert(self, schema: Any, depth: int, references: tuple[str, ...]) -> JsonObject:
        """Convert one schema; `{}` is anything. In: the references through which it was reached."""
        self._nodes_left -= 1
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH or self._nodes_left < 0:
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._referred(reference, schema, depth, references)
        notes: list[str] = []
        out: JsonObject = {}
        self._set_object(out, schema, depth, references)
        self._set_array(out, schema, depth, references)
        self._set_values(out, schema, notes)
        self._set_type(out, schema)
        for part in self._list(schema.get("allOf")):
            _add(out, self.convert(part, depth + 1, references))
        forms = [
            self.convert(form, depth + 1, references) for form in self._list(schema.get("anyOf", schema.get("oneOf")))
        ]
        if forms := [form for index, form in enumerate(forms) if form and form not in forms[:index]]:
            _add(out, forms[0] if len(forms) == 1 else {"anyOf": forms})
        if "enum" in out and (out.get("type", "string") != "string" or "anyOf" in out):
            # Parts that contradict each other; providers take an enum of strings only.
            notes.append(f"One of: {line(json.dumps(out.pop('enum'), ensure_ascii=False)[1:-1], 500)}.")
        elif "enum" in out:
            out["type"] = "string"
        described = schema.get("description")
        if description := visible(" ".join([described if isinstance(described, str) else "", *notes])):
            out["description"] = description
        if out.get("type") == "array":
            _give_items_a_type(out)
        return out

    def _referred(
        self, reference: str, schema: Mapping[str, Any], depth: int, references: tuple[str, ...]
    ) -> JsonObject:
        target = self._target(reference)
        if target is None:
            target = {}
        elif reference in references:
            # It contains itself. Another level would not help the model, but its type (object or list) does.
            target = {"type": target.get("type", "object")}
        offload = {key: value for key, value in schema.items() if key != "$ref"}
        return self.convert({**target, **offload}, depth + 1, (*references, reference))

    def _target(self, reference: str) -> Mapping[str, Any] | None:
        """Resolve a JSON pointer within this schema (RFC 6901); None for anything else."""
        if reference != "#" and not reference.startswith("#/"):
            return None
        found: Any = self._root
        for step in reference[2:].split("/") if len(reference) > 1 else []:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return found if isinstance(found, Mapping) else None

    def _set_object(self, out: JsonObject, schema: Mapping[str, Any], depth: int, references: tuple[str, ...]) -> None:
        required = [name for name in self._list(schema.get("required")) if isinstance(name, str)]
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            kept: JsonObject = {}
            for name, value in properties.items():
                # `false` allows no value. A name such as `$ref` might be taken for a keyword.
                if value is False or (depth and name.startswith("$")) or self._nodes_left <= 0:
                    continue
                converted = self.convert(value, depth + 1, references)
                kept[name] = converted if name in required else _without_null(converted)
            out["properties"] = kept
        if required:
            out["required"] = list(dict.fromkeys(required))
        more = schema.get("additionalProperties")
        if isinstance(more, bool):
            out["additionalProperties"] = more
        elif isinstance(more, Mapping):
            out["additionalProperties"] = self.convert(more, depth + 1, references) or True

    def _set_array(self, out: JsonObject, schema: Mapping[str, Any], depth: int, references: tuple[str, ...]) -> None:
        items = schema.get("items")
        if isinstance(items, Mapping):
            out["items"] = _without_null(self.convert(items, depth + 1, references))
        elif tuple_of := self._list(schema.get("prefixItems", items)):
            forms = [_without_null(self.convert(item, depth + 1, references)) for item in tuple_of[:MAX_FORMS]]
            out["items"] = forms[0]
            for form in forms[1:]:
                out["items"] = _either(out["items"], form)

    def _set_values(self, out: JsonObject, schema: Mapping[str, Any], notes: list[str]) -> None:
        values = [schema["const"]] if "const" in schema else self._list(schema.get("enum"))
        texts = [value for value in values if isinstance(value, str) and value]
        if texts and len(texts) == len([value for value in values if value is not None]) <= MAX_ENUM_VALUES:
            out["enum"] = list(dict.fromkeys(texts))
        elif values:
            notes.append(f"One of: {line(json.dumps(values, ensure_ascii=False)[1:-1], 500)}.")
        for key in _LIMITS:
            if isinstance(limit := schema.get(key), int | float) and not isinstance(limit, bool):
                out[key] = limit
        default = schema.get("default")
        if isinstance(default, str | int | float | bool):
            out["default"] = default
        form = schema.get("format")
        if form == "date-time":
            out["format"] = form
        elif isinstance(form, str):
            notes.append(f"Format: {line(form, 50)}.")
        if isinstance(pattern := schema.get("pattern"), str):
            notes.append(f"Pattern: {line(pattern)}")

    def _set_type(self, out: JsonObject, schema: Mapping[str, Any]) -> None:
        declared = schema.get("type")
        types = [kind for kind in (declared if isinstance(declared, list) else [declared]) if kind in _TYPES]
        if not types and "properties" in out:
            types = ["object"]
        elif not types and "items" in out:
            types = ["array"]
        if out.get("enum"):
            # Only strings are left in it.
            types = ["string"]
        if len(types) == 1:
            out["type"] = types[0]
        elif len(types) > 1:
            _split_by_type(out, types)

    def _list(self, value: Any) -> list[Any]:
        """Return the list as far as the budget allows for its members; an empty one if the value is not a list."""
        return value[: max(self._nodes_left, 0)] if isinstance(value, list) else []


def _split_by_type(out: JsonObject, types: Sequence[str]) -> None:
    """Split a schema for several types into one form per type, with the keywords that apply to it."""
    concern = {
        "object": ("properties", "required", "additionalProperties"),
        "array": ("items", "minItems", "maxItems"),
        "string": ("enum", "minLength", "maxLength", "format"),
        "number": ("minimum", "maximum"),
        "integer": ("minimum", "maximum"),
    }
    forms = [{"type": kind, **{key: out[key] for key in concern.get(kind, ()) if key in out}} for kind in types]
    for keys in concern.values():
        for key in keys:
            out.pop(key, None)
    for form in forms:
        if form["type"] == "array":
            _give_items_a_type(form)
    out["anyOf"] = forms


def _give_items_a_type(array: JsonObject) -> None:
    """Some providers reject an array whose items may be anything."""
    items = array.get("items", {})
    if not items.keys() & {"type", "anyOf"}:
        array["items"] = {**items, **_ANYTHING_IN_A_LIST}


def _without_null(schema: JsonObject) -> JsonObject:
    """Return the schema without `null` as a form: an optional argument need not be null."""
    forms: list[JsonObject] = schema.get("anyOf", [])
    rest = [form for form in forms if form.get("type") != "null"]
    if not rest or len(rest) == len(forms):
        return schema
    out = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest[0], **out} if len(rest) == 1 else {**out, "anyOf": rest}


def _either(one: JsonObject, other: JsonObject) -> JsonObject:
    """Return a schema for values that match one or the other."""
    if one == other:
        return one
    if not one or not other:
        return {}
    if "enum" in one and "enum" in other:
        return {**other, **one, "enum": list(dict.fromkeys([*one["enum"], *other["enum"]]))}
    forms = [form for part in (one, other) for form in (part["anyOf"] if set(part) == {"anyOf"} else [part])]
    return {"anyOf": [form for index, form in enumerate(forms) if form not in forms[:index]]}


def _tidy(schema: JsonObject) -> None:
    """Require only properties that exist, at all levels (Gemini: "property is not defined")."""
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name in schema.get("properties", {})]
        if not schema["required"]:
            del schema["required"]
    more = schema.get("additionalProperties")
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items"), more]
    for part in parts:
        if isinstance(part, dict):
            _tidy(part)


def _add(out: JsonObject, part: JsonObject) -> None:
    """Add the requirements of `part` to `out`, as far as the rules allow. `out` takes precedence."""
    for key, value in part.items():
        if key == "properties":
            known = out.get(key, {})
            out[key] = {**known, **{name: schema for name, schema in value.items() if name not in known}}
        elif key == "required":
            out[key] = list(dict.fromkeys([*out.get(key, []), *value]))
        else:
            out.setdefault(key, value)
