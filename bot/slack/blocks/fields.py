"""Lays out the arguments of a call as the fields of a form, by the tool's schema. Pure.

The same arguments and schema give the same fields. What is submitted is compared with what was offered, so a value that
nobody has changed stays exactly what it was; what has no field stays, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.questions.question import Approval
from bot.slack.blocks import form_labels, long_text
from bot.slack.blocks.call_text import arguments_of, plain
from bot.slack.blocks.elements import VIEW_LIMIT, one_line
from bot.slack.blocks.form_labels import Path
from bot.slack.blocks.form_schema import ABSENT, Kind, Schemas, Shape
from bot.slack.text import sendable

ACTION = "value"
MAX_BLOCKS = 92
"""Blocks of all fields, below Slack's limit of 100 per window."""
MAX_EXAMINED = 400
"""Arguments that are examined, since many may not fit."""
MAX_DEPTH = 6
"""Nesting depth of values that have fields of their own."""
MAX_ABSENT = 2
"""The same for values that are not set, since a schema may refer to itself."""
LINE = 100
"""Longer texts get a multiline field."""
MULTILINE = frozenset({"content", "text", "body", "message", "query", "patch", "code"})
"""Names of arguments that usually have several lines."""

_HIDDEN = frozenset({"dryrun", "noop", "simulate", "simulation", "whatif", "validateonly", "checkonly", "previewonly"})
"""Switches for dry runs. They are kept unchanged and not shown."""
_REPLACED = {
    "oldText": "newText",
    "old_text": "new_text",
    "oldString": "newString",
    "old_string": "new_string",
    "oldStr": "newStr",
    "old_str": "new_str",
}
"""By the name of a text to find: the name of its replacement."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_ROOM = VIEW_LIMIT - 20_000


@dataclass(frozen=True, slots=True)
class Field:
    """One value as a field of a form."""

    path: Path
    label: str
    shape: Shape
    value: Any
    """The current value; ABSENT if it is not set."""
    required: bool
    pieces: tuple[tuple[str, str], ...] = ()
    """For a text: the initial content of each of its inputs, and the line break after it."""
    hint: str = ""
    replaces: str = ""
    """The text that this one replaces."""
    multiline: bool = False

    @property
    def kind(self) -> Kind:
        """The kind of the field."""
        return self.shape.kind

    @property
    def id(self) -> str:
        """The id of its first block."""
        return field_of(*self.path)


@dataclass(slots=True)
class Branch:
    """A value with nested values, or one that is kept unchanged."""

    value: Any
    children: list[tuple[str | int, Branch | Field]] = field(default_factory=list["tuple[str | int, Branch | Field]"])


@dataclass(slots=True)
class Form:
    """The fields of a call."""

    tree: Branch
    fields: list[Field]
    left: list[str]
    """Labels of values that do not fit into the form and are kept unchanged."""


def field_of(*path: str | int) -> str:
    """Return the block id of the field for a value."""
    return f"argument-{sha256(*map(str, path))[:40]}"


def form_of(approval: Approval, schema: Mapping[str, Any], weigh: Callable[[Field], tuple[int, int]]) -> Form:
    """Return the fields for the arguments of a call.

    weigh: returns the number of blocks of a field, and their size in bytes.
    """
    layout = _Layout(Schemas(schema), weigh)
    values = arguments_of(approval.call)
    tree = layout.object(layout.schemas.plain(schema), values, (), (), required=True)
    return Form(tree, layout.fields, layout.left)


class _Layout:
    """Builds one form."""

    def __init__(self, schemas: Schemas, weigh: Callable[[Field], tuple[int, int]]) -> None:
        self.schemas = schemas
        self.fields: list[Field] = []
        self.left: list[str] = []
        self._weigh = weigh
        self._blocks, self._bytes, self._examined = MAX_BLOCKS, _ROOM, MAX_EXAMINED

    def object(
        self, schema: Mapping[str, Any], value: Any, path: Path, labels: Sequence[str], *, required: bool
    ) -> Branch:
        """Lay out the values of an object: those that are set or required first, in the order of the schema."""
        values: JsonObject = value if isinstance(value, dict) else {}
        listed = schema.get("properties")
        properties: JsonObject = listed if isinstance(listed, dict) else {}
        needed = schema.get("required")
        wanted = {name for name in needed if isinstance(name, str)} if isinstance(needed, list) else set[str]()
        names = sorted(
            [*properties, *(name for name in values if name not in properties)],
            key=lambda name: name not in values and name not in wanted,
        )
        branch = Branch(value)
        present = required or isinstance(value, dict)
        called = self._called(names[:MAX_EXAMINED], properties)
        beside = {_REPLACED[name]: name for name in _REPLACED if name in values and _REPLACED[name] in names}
        for name in names:
            if _hidden(name) and (name in values or name not in wanted):
                continue
            own = values.get(name, ABSENT)
            if name in beside.values() and isinstance(own, str) and own:
                continue  # shown beside the text that takes its place
            replaced = values.get(beside.get(name, ""), "")
            inner = (*labels, called.get(name, name))
            if isinstance(replaced, str) and replaced:
                inner = _with(path, labels)
            need = present and name in wanted
            node = self._node(properties.get(name), own, (*path, name), inner, required=need, replaced=replaced)
            if node is not None:
                branch.children.append((name, node))
        return branch

    def _called(self, names: Sequence[str], properties: Mapping[str, Any]) -> dict[str, str]:
        """Return distinct labels for sibling values."""
        plain_schemas = {name: self.schemas.plain(properties.get(name)) for name in names}
        called = {name: form_labels.label(name, plain_schemas[name]) for name in names}
        taken: dict[str, int] = {}
        for text in called.values():
            taken[text] = taken.get(text, 0) + 1
        return {name: text if taken[text] == 1 else f"{text} ({one_line(name, 60)})" for name, text in called.items()}

    def _node(
        self, schema: object, value: Any, path: Path, labels: Sequence[str], *, required: bool, replaced: Any = ""
    ) -> Branch | Field | None:
        """Lay out one value. Return None if it has no field and is kept unchanged."""
        self._examined -= 1
        if self._examined < 0 or self._blocks <= 0:
            return self._leave(value, labels)
        shape = self.schemas.shape(schema, value)
        missing = not isinstance(value, dict | list)
        deep = len(path) > (MAX_ABSENT if missing else MAX_DEPTH)
        if shape.kind is Kind.OBJECT and deep:
            shape = Shape(Kind.JSON, shape.schema, shape.nullable)
            if missing and not required:
                return None
        if shape.kind is Kind.OBJECT:
            return self.object(shape.schema, value, path, labels, required=required and value is not None)
        if shape.kind is Kind.LIST:
            return self._list(shape, value, path, labels)
        return self._field(shape, value, path, labels, required=required, replaced=replaced)

    def _list(self, shape: Shape, value: Sequence[Any], path: Path, labels: Sequence[str]) -> Branch:
        branch = Branch(value)
        entries: list[Any] = [*value]
        for number, entry in enumerate(entries):
            count = f" {number + 1}" if len(value) > 1 else ""
            inner = (*labels[:-1], f"{labels[-1]}{count}")
            node = self._node(shape.schema.get("items"), entry, (*path, number), inner, required=True)
            if node is not None:
                branch.children.append((number, node))
        return branch

    def _field(
        self, shape: Shape, value: Any, path: Path, labels: Sequence[str], *, required: bool, replaced: Any
    ) -> Field | None:
        text = offered(shape, value)
        pieces = tuple(long_text.cut(text)) if text is not None else ()
        old = replaced if isinstance(replaced, str) else ""
        multiline = shape.kind in (Kind.JSON, Kind.LINES) or bool(old) or _may_be_long(path[-1], text or "")
        made = Field(path, form_labels.nested(labels), shape, value, required, pieces, _hint(shape), old, multiline)
        blocks, size = self._weigh(made) if len(pieces) <= MAX_BLOCKS else (len(pieces), 0)
        if blocks > self._blocks or size > self._bytes:
            return self._leave(value, labels)
        self._blocks -= blocks
        self._bytes -= size
        self.fields.append(made)
        return made

    def _leave(self, value: Any, labels: Sequence[str]) -> None:
        if value is not ABSENT:
            self.left.append(form_labels.nested(labels))


def _with(path: Path, labels: Sequence[str]) -> Sequence[str]:
    """Return the labels of a replacement text; with its number if there are several."""
    if not path or not isinstance(path[-1], int):
        return (*labels, "With")
    number = f"{path[-1] + 1}"
    return (f"{number}. With" if labels[-1].endswith(f" {number}") else "With",)


def _hidden(name: str) -> bool:
    return len(name) <= 20 and re.sub(r"[^a-z]", "", name.lower()) in _HIDDEN


def offered(shape: Shape, value: Any) -> str | None:
    """Return the initial text of a typed field; None if the value is selected in a menu or calendar."""
    if shape.kind in (Kind.CHOICE, Kind.CHOICES, Kind.DATE, Kind.MOMENT):
        return None
    if value is ABSENT or (value is None and shape.nullable):
        return ""
    if shape.kind is Kind.JSON:
        return json_text(value)
    if shape.kind is Kind.LINES:
        entries: list[Any] = value or []
        return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in entries)
    if shape.kind is Kind.NAMED:
        return sendable(choice(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def choice(value: Any, limit: int = 10**6) -> str:
    """Return the text of a menu option, truncated."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return one_line(plain(value), limit)


def number_of(options: Sequence[Any], value: Any) -> str:
    """Return the index of a value among options as text; empty if it is none of them."""
    text = canonical(value)
    return next((str(number) for number, each in enumerate(options) if canonical(each) == text), "")


def json_text(value: Any) -> str:
    """Return JSON for people to edit. Lone surrogates are written as escapes, since Slack cannot transport them."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _may_be_long(name: str | int, text: str) -> bool:
    named = isinstance(name, str) and (name in MULTILINE or name.endswith("Text"))
    return "\n" in text or "\r" in text or len(text) > LINE or named


def _hint(shape: Shape) -> str:
    facts = [form_labels.limits(shape.schema), form_labels.default(shape.schema)]
    match shape.kind:
        case Kind.LINES:
            facts.insert(0, "One on each line.")
        case Kind.JSON:
            facts.insert(0, "As JSON.")
        case Kind.NAMED:
            some = ", ".join(one_line(choice(each), 20) for each in shape.options[:3])
            facts.insert(0, f"One of {len(shape.options):,} values, such as {some}.")
        case Kind.TEXT if shape.schema.get("format") in _EXAMPLES:
            facts.insert(0, f"For example {_EXAMPLES[shape.schema['format']]}.")
        case _:
            pass
    return form_labels.hint(shape.schema, *facts)


_EXAMPLES = {
    "time": "14:30:00Z",
    "date": "2030-01-31",
    "date-time": "2030-01-31T14:30:00Z",
    "duration": "P1DT2H",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
