"""Reads what was submitted in the fields of a form. Pure. The state of a window is untrusted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from bot.core.json_text import canonical
from bot.core.untrusted import items, mapping
from bot.slack.blocks import json_problems, long_text
from bot.slack.blocks.elements import one_line
from bot.slack.blocks.field_blocks import KEEP, KEPT, NULL, UNSET, edge_id, has_edges, initial, options, piece_id
from bot.slack.blocks.fields import ACTION, Branch, Field, choice
from bot.slack.blocks.form_schema import ABSENT, Kind, seconds
from bot.slack.text import sendable

UNREADABLE = "This cannot be read."
REQUIRED = "This is required."
_INTEGER = re.compile(r"[+-]?\d{1,1000}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?")
_SUGGESTED = 3


def arguments(tree: Branch, state: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return the submitted arguments, and a sentence about each invalid value by block id.

    state: by block id, the state of the element by its action id.
    """
    wrong: dict[str, str] = {}
    return _value(tree, state, wrong), wrong


def _value(node: Branch | Field, state: Mapping[str, Any], wrong: dict[str, str]) -> Any:
    if isinstance(node, Field):
        try:
            return given(node, state)
        except ValueError as error:
            wrong[node.id] = str(error)
            return node.value
    made = {name: _value(child, state, wrong) for name, child in node.children}
    if isinstance(node.value, list):
        entries = [made.get(number, entry) for number, entry in enumerate(node.value)]
        return [entry for entry in entries if entry is not ABSENT]
    found: dict[Any, Any] = dict(node.value) if isinstance(node.value, dict) else {}
    for name, value in made.items():
        if value is ABSENT:
            found.pop(name, None)
        else:
            found[name] = value
    return found if found or isinstance(node.value, dict) else node.value


def given(field: Field, state: Mapping[str, Any]) -> Any:
    """Return the submitted value of a field, or ABSENT. Raises ValueError with a sentence for the person."""
    if field.pieces:
        return _typed(field, state)
    if field.id not in state:
        return field.value
    entered = mapping(mapping(state[field.id]).get(ACTION))
    match field.kind:
        case Kind.CHOICES:
            return _several(field, entered)
        case Kind.DATE:
            return _day(field, entered)
        case Kind.MOMENT:
            return _moment(field, entered)
        case _:
            return _one(field, entered)


def _cleared(field: Field) -> Any:
    """Return the value of a field that was emptied."""
    if not field.required:
        return ABSENT
    if field.shape.nullable:
        return None
    match field.kind:
        case Kind.TEXT | Kind.SCALAR if not field.shape.types or "string" in field.shape.types:
            return ""
        case Kind.LINES | Kind.CHOICES:
            return []
        case _:
            raise ValueError(REQUIRED)


# --- typed


def _typed(field: Field, state: Mapping[str, Any]) -> Any:
    texts: list[str] = []
    for number, (before, _) in enumerate(field.pieces, start=1):
        block_id = piece_id(field, number)
        texts.append(_text(state[block_id]) if block_id in state else long_text.shown(before))
    keeps = not has_edges(field) or edge_id(field) not in state or _ticked(state[edge_id(field)])
    alike = all(
        long_text.shown(text) == long_text.shown(old) for text, (old, _) in zip(texts, field.pieces, strict=True)
    )
    if alike and keeps:
        return field.value
    typed = long_text.joined(field.pieces, texts)
    if not keeps:
        lead, tail = long_text.edges(str(field.value))
        typed = typed.lstrip() if lead else typed
        typed = typed.rstrip() if tail else typed
    if keeps and typed == long_text.joined(field.pieces, [old for old, _ in field.pieces]):
        return field.value
    if not typed or (field.kind is not Kind.TEXT and not typed.strip()):
        return _cleared(field)
    value = _parsed(field, typed)
    same = field.value is not ABSENT and canonical(value) == canonical(field.value)
    return field.value if same else value


def _text(state: object) -> str:
    entered = mapping(mapping(state).get(ACTION))
    text = entered.get("value", ABSENT)
    if text is not None and not isinstance(text, str):
        raise ValueError(UNREADABLE)
    return text or ""


def _ticked(state: object) -> bool:
    chosen = mapping(mapping(state).get(ACTION)).get("selected_options")
    return any(mapping(each).get("value") == KEEP for each in items(chosen))


def _parsed(field: Field, text: str) -> Any:
    reader = _READERS.get(field.kind)
    if reader is not None:
        return reader(field, text)
    # What a person has typed holds no lone surrogates; the value itself may.
    return text if isinstance(field.value, str) else sendable(text)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise ValueError("This is not a whole number.")
    return int(text)


def _number(text: str) -> float:
    stripped = text.strip()
    if _INTEGER.fullmatch(stripped):
        return int(stripped)
    number = float(stripped) if _NUMBER.fullmatch(stripped) else math.inf
    if not math.isfinite(number):
        raise ValueError("This is not a number.")
    return number


def _lines(field: Field, text: str) -> list[Any]:
    found: list[Any] = []
    for number, line in enumerate(sendable(text).split("\n"), start=1):
        entry = line.strip()
        if not entry:
            continue
        if "string" in field.shape.types:
            found.append(entry)
            continue
        try:
            found.append(_integer(entry) if "integer" in field.shape.types else _number(entry))
        except ValueError as error:
            words = str(error).removeprefix("This ")
            raise ValueError(f"Line {number}: {one_line(entry, 30)} {words}") from None
    return found


def _named(field: Field, text: str) -> Any:
    """Return the option that a person has typed, in upper or lower case."""
    wanted, alike, similar = sendable(text), text.casefold(), list[str]()
    folded: Any = ABSENT
    for each in field.shape.options:
        shown = sendable(choice(each))
        if shown == wanted:
            return each
        if shown.casefold() == alike and folded is ABSENT:
            folded = each
        if len(similar) < _SUGGESTED and alike[:4] in shown.casefold():
            similar.append(one_line(shown, 40))
    if folded is not ABSENT:
        return folded
    close = f" Similar ones: {', '.join(similar)}." if similar else ""
    raise ValueError(f"This is none of the {len(field.shape.options):,} choices.{close}")


def _scalar(field: Field, text: str) -> Any:
    """Return a text as the first of these types that it can be; as the type that the value has now, if that is one."""
    types, bare = field.shape.types, text.strip()
    if isinstance(field.value, str) and "string" in types:
        return text
    if "boolean" in types and bare.casefold() in ("true", "false", "yes", "no"):
        return bare.casefold() in ("true", "yes")
    if types & {"integer", "number"}:
        try:
            return _number(bare) if "number" in types else _integer(bare)
        except ValueError:
            if "string" not in types:
                raise
    if "string" not in types:
        raise ValueError("This is neither a number nor true or false.")
    return sendable(text)


_READERS: Mapping[Kind, Callable[[Field, str], Any]] = {
    Kind.INTEGER: lambda _, text: _integer(text),
    Kind.NUMBER: lambda _, text: _number(text),
    Kind.JSON: lambda _, text: json_problems.read(text),
    Kind.LINES: _lines,
    Kind.NAMED: lambda field, text: _named(field, text.strip()),
    Kind.SCALAR: _scalar,
}


# --- chosen


def _one(field: Field, entered: Mapping[str, Any]) -> Any:
    picked = entered.get("selected_option", ABSENT)
    if picked is ABSENT:
        raise ValueError(UNREADABLE)
    number = mapping(picked).get("value")
    if [number] == initial(field):
        return field.value
    if number in (None, UNSET):
        if field.value is ABSENT:
            return ABSENT
        return _cleared(field)
    if number == NULL and field.shape.nullable:
        return None
    if number == KEPT:
        return field.value
    return _option(field, number)


def _option(field: Field, number: object) -> Any:
    if not isinstance(number, str) or not number.isascii() or not number.isdigit() or len(number) > 3:
        raise ValueError(UNREADABLE)
    if int(number) >= len(field.shape.options) or number not in {each["value"] for each in options(field)}:
        raise ValueError("This is no longer one of the choices.")
    return field.shape.options[int(number)]


def _several(field: Field, entered: Mapping[str, Any]) -> Any:
    picked = entered.get("selected_options", ABSENT)
    if picked is None:
        picked = []
    if not isinstance(picked, list):
        raise ValueError(UNREADABLE)
    numbers = list(dict.fromkeys(mapping(each).get("value") for each in picked[:200]))
    before = initial(field)
    if set(numbers) == set(before):
        return field.value
    if not numbers:
        return _cleared(field)
    chosen = [_option(field, number) for number in [*(each for each in before if each in numbers)]]
    return chosen + [_option(field, number) for number in numbers if number not in before]


def _day(field: Field, entered: Mapping[str, Any]) -> Any:
    picked = entered.get("selected_date", ABSENT)
    if picked is ABSENT:
        raise ValueError(UNREADABLE)
    now = field.value if isinstance(field.value, str) else None
    if picked == (now or None):
        return field.value
    if picked is None:
        return _cleared(field)
    try:
        return date.fromisoformat(str(picked)).isoformat()
    except ValueError:
        raise ValueError(UNREADABLE) from None


def _moment(field: Field, entered: Mapping[str, Any]) -> Any:
    picked = entered.get("selected_date_time", ABSENT)
    if picked is ABSENT:
        raise ValueError(UNREADABLE)
    now = field.value if isinstance(field.value, str) else ""
    before = seconds(now)
    # Slack offers whole minutes only.
    if picked == before or (picked is not None and before is not None and picked == before - before % 60):
        return field.value
    if picked is None:
        return _cleared(field)
    if isinstance(picked, bool) or not isinstance(picked, int):
        raise ValueError(UNREADABLE)
    try:
        zone = datetime.fromisoformat(now).tzinfo if before is not None else UTC
        text = datetime.fromtimestamp(picked, zone).isoformat()
    except (ValueError, OverflowError, OSError):
        raise ValueError(UNREADABLE) from None
    return text.replace("+00:00", "Z") if before is None or now.upper().endswith("Z") else text
