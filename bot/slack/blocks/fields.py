"""Converts the arguments of a call to the fields of a form, typed by the tool's schema, and back. Pure.

The same arguments and schema give the same fields. A submitted form is compared with what was offered, so an argument
that nobody has changed keeps its exact value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.questions.question import Approval
from bot.slack.blocks.call_text import arguments_of, plain
from bot.slack.blocks.elements import VIEW_LIMIT, Block, one_line, option, plain_text
from bot.slack.text import sendable

ACTION = "value"
MAX_VALUE_CHARS = 3_000
"""Characters of a text field (Slack's plain_text_input element)."""
MAX_FIELDS = 90
MAX_EXAMINED = 200
"""Arguments that are considered, since many may not fit."""
MAX_OPTIONS = 100
OPTION = 75
HINT = 150
LABEL = 150
LINE = 100
"""Characters above which a text gets a multiline field."""
UNSET = "unset"
NOT_SET = "(not set)"
MULTILINE = frozenset({"content", "text", "body", "message", "query", "patch", "code"})
"""Names of arguments that tend to have several lines."""

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ROOM = VIEW_LIMIT - 20_000
_WORD = re.compile(r"[\w-]+", re.ASCII)


class Absent(Enum):
    """The value of an argument that is not set."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Field:
    """One argument as a field of a form."""

    name: str
    kind: str
    """`text`, `json`, `integer`, `number`, or `choice`."""
    value: Any
    """The current value; ABSENT if it is not set."""
    required: bool
    offered: str
    """The initial text of the field; for a choice the index of the option, or `unset`."""
    choices: tuple[Any, ...] = ()
    hint: str = ""


def field_of(name: str) -> str:
    """Return the block id of the field for an argument."""
    return f"argument-{sha256(name)[:40]}"


def fields_of(approval: Approval, schema: Mapping[str, Any]) -> tuple[list[Field], list[str]]:
    """Return the fields of a form, and the names of the arguments that do not fit into one and are kept unchanged."""
    fields: list[Field] = []
    left: list[str] = []
    room, looked_at = _ROOM, 0
    for name, value, part, required in _arguments(approval, schema):
        # A server may define thousands of arguments, with values that do not fit into a window.
        full = len(fields) >= MAX_FIELDS or looked_at >= MAX_EXAMINED
        looked_at += 1
        field = None if full else _field(name, value, part, required=required)
        weight = len(json.dumps(block(field))) if field else 0
        if field is None or weight > room:
            if value is not ABSENT:
                left.append(name)
            continue
        room -= weight
        fields.append(field)
    return fields, left


def block(field: Field) -> Block:
    """Return the field as a block of a form."""
    made: Block = {
        "type": "input",
        "block_id": field_of(field.name),
        "label": plain_text(
            one_line(field.name if _WORD.fullmatch(field.name) else json.dumps(field.name, ensure_ascii=False), LABEL)
        ),
        "element": _element(field),
        # Slack rejects an empty field that is not optional. For long texts an empty one is a legitimate value.
        "optional": not field.required or (field.kind == "text" and (not field.offered or _may_be_long(field))),
    }
    if field.hint:
        made["hint"] = plain_text(field.hint)
    return made


def given(field: Field, state: Mapping[str, Any]) -> Any:
    """Return the submitted value of an argument, or ABSENT. Raises ValueError with a sentence for the person."""
    if field.kind == "choice":
        return _chosen(field, state)
    text = state.get("value", ABSENT)
    if text is not None and not isinstance(text, str):
        raise ValueError("This cannot be read.")
    text = text or ""
    if _alike(text, field.offered):
        return field.value
    if field.kind == "text":
        return sendable(text) if text or field.required else ABSENT
    if not text.strip():
        if field.required:
            raise ValueError("This is required.")
        return ABSENT
    value = _parsed(field, text)
    same = field.value is not ABSENT and canonical(value) == canonical(field.value)
    return field.value if same else value


def _alike(text: str, offered: str) -> bool:
    """Whether a text is unchanged, apart from line endings, which are up to the browser."""
    return text == offered or text.replace("\r\n", "\n") == offered.replace("\r\n", "\n").replace("\r", "\n")


def _parsed(field: Field, text: str) -> Any:
    if field.kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise ValueError("This is not a whole number.") from None
    if field.kind == "number":
        try:
            number = float(text)
        except ValueError:
            raise ValueError("This is not a number.") from None
        if not math.isfinite(number):
            raise ValueError("This is not a number.")
        return int(text) if re.fullmatch(r"-?\d{1,300}", text.strip()) else number
    try:
        value = json.loads(text, parse_constant=_no_constant)
        # Serialized and parsed again, which removes lone surrogates and numbers that JSON does not have.
        return json.loads(sendable(json.dumps(value, ensure_ascii=False)), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is not valid JSON: line {error.lineno}, character {error.colno}.") from None
    except (ValueError, RecursionError):
        raise ValueError("This is not valid JSON.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _chosen(field: Field, state: Mapping[str, Any]) -> Any:
    picked = state.get("selected_option", ABSENT)
    if picked is ABSENT:
        raise ValueError("This cannot be read.")
    number = picked.get("value") if isinstance(picked, dict) else None
    if number in (None, UNSET):
        if field.required:
            raise ValueError("This is required.")
        return ABSENT
    if number == field.offered:
        return field.value
    if not isinstance(number, str) or not number.isascii() or not number.isdigit() or len(number) > 3:
        raise ValueError("This cannot be read.")
    if int(number) >= len(field.choices):
        raise ValueError("This is no longer one of the choices.")
    return field.choices[int(number)]


def _arguments(approval: Approval, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any], bool]]:
    """Yield each argument that is or could be set, in the order of the schema: first those that are set or required."""
    values = arguments_of(approval.call)
    listed = schema.get("properties")
    properties: JsonObject = listed if isinstance(listed, dict) else {}
    needed = schema.get("required")
    required = {name for name in needed if isinstance(name, str)} if isinstance(needed, list) else set[str]()
    names = [*properties, *(name for name in values if name not in properties)]
    for name in sorted(names, key=lambda name: name not in values and name not in required):
        part = properties.get(name)
        yield name, values.get(name, ABSENT), part if isinstance(part, dict) else {}, name in required


def _field(name: str, value: Any, part: Mapping[str, Any], *, required: bool) -> Field | None:
    """Return the field for an argument; None if it does not fit."""
    described = part.get("description")
    hint = one_line(" ".join(described.split()), HINT - 1) if isinstance(described, str) else ""
    kind, choices = _kind(value, part, required=required)
    offered = _offered(value, kind, choices)
    if len(offered) > MAX_VALUE_CHARS:
        return None
    return Field(name, kind, value, required, offered, choices, hint)


def _kind(value: Any, part: Mapping[str, Any], *, required: bool) -> tuple[str, tuple[Any, ...]]:
    kind = part.get("type")
    if any(word in part for word in ("$ref", "anyOf", "oneOf", "allOf", "not")) or not isinstance(kind, str):
        return "json", ()
    choices = (True, False) if kind == "boolean" else _choices(part)
    if choices:
        taken = value is ABSENT or any(canonical(value) == canonical(choice) for choice in choices)
        return ("choice", choices) if taken else ("json", ())
    if kind == "string":
        return ("text" if isinstance(value, str | Absent) else "json"), ()
    if kind in ("integer", "number"):
        fits = value is ABSENT or (not isinstance(value, bool) and _NUMBER.fullmatch(json.dumps(value)) is not None)
        whole = kind == "number" or value is ABSENT or isinstance(value, int)
        return (kind if fits and whole else "json"), ()
    return "json", ()


def _choices(part: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of an enumeration that a menu can show with distinct labels; else an empty tuple."""
    listed = part.get("enum")
    if not isinstance(listed, list) or not 0 < len(listed) < MAX_OPTIONS:
        return ()
    try:
        texts = [_choice(value) for value in listed if canonical(value)]
    except (ValueError, RecursionError):
        return ()
    fits = all(len(text) <= OPTION for text in texts) and len(set(texts)) == len(texts) and NOT_SET not in texts
    return tuple(listed) if fits else ()


def _choice(value: Any) -> str:
    return one_line(plain(value), 10**6)


def _offered(value: Any, kind: str, choices: tuple[Any, ...]) -> str:
    if kind == "choice":
        numbers = (index for index, choice in enumerate(choices) if canonical(choice) == canonical(value))
        return UNSET if value is ABSENT else str(next(numbers))
    if value is ABSENT:
        return ""
    if kind == "text":
        return sendable(value)
    return json.dumps(value) if kind in ("integer", "number") else _json(value)


def _json(value: Any) -> str:
    """Return JSON for people to edit. Lone surrogates are written as escapes, since Slack cannot transport them."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _element(field: Field) -> Block:
    if field.kind == "choice":
        return _menu(field)
    if field.kind in ("integer", "number"):
        element: Block = {"type": "number_input", "is_decimal_allowed": field.kind == "number"}
    else:
        multiline = field.kind == "json" or _may_be_long(field)
        element = {"type": "plain_text_input", "multiline": multiline, "max_length": MAX_VALUE_CHARS}
    element["action_id"] = ACTION
    if field.offered:
        element["initial_value"] = field.offered
    return element


def _may_be_long(field: Field) -> bool:
    return "\n" in field.offered or len(field.offered) > LINE or field.name in MULTILINE or field.name.endswith("Text")


def _menu(field: Field) -> Block:
    options = [option(_choice(value), str(index)) for index, value in enumerate(field.choices)]
    if not field.required:
        options.append(option(NOT_SET, UNSET))
    kind = "radio_buttons" if set(map(canonical, field.choices)) == {"true", "false"} else "static_select"
    chosen = [each for each in options if each["value"] == field.offered]
    element: Block = {"type": kind, "action_id": ACTION, "options": options}
    return {**element, "initial_option": chosen[0]} if chosen else element
