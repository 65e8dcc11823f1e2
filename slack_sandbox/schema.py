"""A JSON Schema turned into plain functions, once.

The schema file stays a standard document that `jsonschema` can check too (a test does, and compares). Checking is
done by functions compiled from it because `jsonschema` reports a wrong block as a failed `anyOf` without Slack's
reasons, and because it takes six times as long (0.87 ms against 0.13 ms for an approval card): the sandbox carries
benchmarks.

Only the keywords in `_KEYWORDS` are understood; any other one in the file is an error when it is loaded. Messages are
Slack's own words, as its answers show them: `no more than 25 items allowed [json-pointer:/blocks/1/elements]`.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

Json = dict[str, Any]
Report = list[str]
Check = Callable[[Any, str, Report], None]

_TYPES: dict[str, tuple[type[Any], ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_ARTICLE = {"object": "an object", "array": "an array", "integer": "an integer"}
_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength",
    "minimum", "maximum", "enum", "pattern", "anyOf", "discriminator", "$ref",
}  # fmt: skip


class Schema:
    """A loaded schema file; `checker(name)` gives the check of one of its `$defs`."""

    def __init__(self, document: Json) -> None:
        self._defs: Json = document["$defs"]
        self._compiled: dict[str, Check] = {}

    def checker(self, name: str) -> Check:
        """The check of `#/$defs/{name}`: called with (value, json pointer, report), it appends what is wrong to the
        report.
        """
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = self._compile(self._defs[name])
        return found

    def _follow(self, reference: str) -> Check:
        """The check behind a reference, looked up when it is used: definitions may refer to each other in a circle."""
        name = reference.removeprefix("#/$defs/")

        def check(value: Any, pointer: str, report: Report) -> None:
            self.checker(name)(value, pointer, report)

        return check

    def _compile(self, schema: Json) -> Check:
        unknown = set(schema) - _KEYWORDS
        if unknown:
            raise ValueError(f"schema keywords that are not understood: {sorted(unknown)}")
        if "$ref" in schema:
            return self._follow(schema["$ref"])
        shape = self._typed(schema)
        rest = [make(schema) for key, make in self._makers().items() if key in schema]

        def check(value: Any, pointer: str, report: Report) -> None:
            before = len(report)
            shape(value, pointer, report)
            if len(report) == before and value is not None:
                for part in rest:
                    part(value, pointer, report)

        return check

    def _makers(self) -> dict[str, Callable[[Json], Check]]:
        return {
            "enum": _enum,
            "minLength": _min_length,
            "maxLength": _max_length,
            "pattern": _pattern,
            "minimum": _range,
            "minItems": _min_items,
            "maxItems": _max_items,
            "items": self._items,
            "properties": self._properties,
            "anyOf": _any_of,
            "discriminator": self._discriminator,
        }

    def _typed(self, schema: Json) -> Check:
        names: list[str] = [schema["type"]] if isinstance(schema.get("type"), str) else list(schema.get("type", ()))
        allowed = tuple(kind for name in names for kind in _TYPES[name])
        wording = f"must provide {_ARTICLE.get(names[0], f'a {names[0]}')}" if names else ""
        booleans = bool in allowed

        def check(value: Any, pointer: str, report: Report) -> None:
            if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and not booleans)):
                report.append(f"{wording} [json-pointer:{pointer}]")

        return check

    def _items(self, schema: Json) -> Check:
        item = self._compile(schema["items"])

        def check(value: Any, pointer: str, report: Report) -> None:
            for index, member in enumerate(value):
                item(member, f"{pointer}/{index}", report)

        return check

    def _properties(self, schema: Json) -> Check:
        known = {name: self._compile(part) for name, part in schema["properties"].items()}
        required: list[str] = schema.get("required", [])

        def check(value: Any, pointer: str, report: Report) -> None:
            for name in required:
                if name not in value:
                    report.append(f"missing required field: {name} [json-pointer:{pointer}]")
            for name, member in value.items():
                part = known.get(name)
                if part is None:
                    report.append(f"invalid additional property: {name} [json-pointer:{pointer}]")
                else:
                    part(member, f"{pointer}/{name}", report)

        return check

    def _discriminator(self, schema: Json) -> Check:
        mapping = {kind: self._follow(target) for kind, target in schema["discriminator"]["mapping"].items()}
        summary = schema["discriminator"].get("summary")

        def check(value: Any, pointer: str, report: Report) -> None:
            kind = value.get("type")
            if kind is None:
                report.append(f"missing required field: type [json-pointer:{pointer}]")
                return
            chosen = mapping.get(kind) if isinstance(kind, str) else None
            if chosen is None:
                report.append(f"unsupported type: {kind} [json-pointer:{pointer}/type]")
                return
            before = len(report)
            chosen(value, pointer, report)
            if summary and len(report) > before:
                report.insert(before, f"{summary} [json-pointer:{pointer}]")

        return check


def _enum(schema: Json) -> Check:
    allowed = schema["enum"]

    def check(value: Any, pointer: str, report: Report) -> None:
        if value not in allowed:
            report.append(f"must be a valid enum value [json-pointer:{pointer}]")

    return check


def _min_length(schema: Json) -> Check:
    least = schema["minLength"]

    def check(value: Any, pointer: str, report: Report) -> None:
        if len(value) < least:
            report.append(f"must be more than {least - 1} characters [json-pointer:{pointer}]")

    return check


def _max_length(schema: Json) -> Check:
    most = schema["maxLength"]

    def check(value: Any, pointer: str, report: Report) -> None:
        if len(value) > most:
            report.append(f"must be less than {most + 1} characters [json-pointer:{pointer}]")

    return check


def _pattern(schema: Json) -> Check:
    pattern = re.compile(schema["pattern"])

    def check(value: Any, pointer: str, report: Report) -> None:
        if not pattern.search(value):
            report.append(f"must match the pattern {pattern.pattern} [json-pointer:{pointer}]")

    return check


def _range(schema: Json) -> Check:
    least, most = schema["minimum"], schema.get("maximum", float("inf"))

    def check(value: Any, pointer: str, report: Report) -> None:
        if not least <= value <= most:
            report.append(f"must be between {least} and {most} [json-pointer:{pointer}]")

    return check


def _min_items(schema: Json) -> Check:
    least = schema["minItems"]

    def check(value: Any, pointer: str, report: Report) -> None:
        if len(value) < least:
            report.append(f"must provide at least {least} items [json-pointer:{pointer}]")

    return check


def _max_items(schema: Json) -> Check:
    most = schema["maxItems"]

    def check(value: Any, pointer: str, report: Report) -> None:
        if len(value) > most:
            report.append(f"no more than {most} items allowed [json-pointer:{pointer}]")

    return check


def _any_of(schema: Json) -> Check:
    alternatives: list[list[str]] = [part["required"] for part in schema["anyOf"]]
    names = " or ".join(f"`{name}`" for part in alternatives for name in part)

    def check(value: Any, pointer: str, report: Report) -> None:
        if not any(all(name in value for name in part) for part in alternatives):
            report.append(f"must define either {names} [json-pointer:{pointer}/type]")

    return check


@cache
def block_kit() -> Schema:
    """The schema of blocks, views, metadata and stream chunks that ships with this package."""
    text = resources.files("slack_sandbox").joinpath("block_kit.schema.json").read_text("utf-8")
    return Schema(json.loads(text))
