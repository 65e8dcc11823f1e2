"""Draws a field of a form. Pure.

Sources: https://docs.slack.dev/reference/block-kit/block-elements and the input block there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from bot.slack.blocks import form_labels, long_text
from bot.slack.blocks.elements import (
    CHUNK,
    Block,
    bold,
    fitting,
    one_line,
    option,
    plain,
    plain_text,
    preformatted,
    rich,
    section,
)
from bot.slack.blocks.fields import ACTION, Field, choice, number_of
from bot.slack.blocks.form_schema import ABSENT, Kind, seconds

OPTION = 75
"""Characters of an option's text."""
UNSET = "unset"
NULL = "null"
KEPT = "kept"
"""Values of options that are not in the schema: nothing, null, and the current value."""
NOT_SET = "(not set)"
EMPTY = "(none)"
KEEP = "keep"
"""The value of the checkbox that keeps white space around a text."""

_DIGITS: Final = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,60}@[A-Za-z0-9-]{1,60}(\.[A-Za-z0-9-]{1,60}){0,4}\.[A-Za-z]{2,20}")
_URL: Final = re.compile(r"https?://[A-Za-z0-9-]{1,60}(\.[A-Za-z0-9-]{1,60}){1,5}(/[A-Za-z0-9._~/?=&%+-]{0,500})?")
_INVISIBLE: Final = re.compile("[\ud800-\udfff]")


def weight(field: Field) -> tuple[int, int]:
    """Return the number of blocks of a field, and their size in bytes as JSON."""
    made = blocks(field)
    return len(made), len(json.dumps(made))


def blocks(field: Field) -> list[Block]:
    """Return the blocks of a field: its inputs, the text that it replaces, and a checkbox for white space around it."""
    made: list[Block] = []
    if field.replaces:
        made.append(_replaced(field))
    if not field.pieces:
        return [*made, _input(field, field.id, field.label, _menu(field), hint=field.hint)]
    count = len(field.pieces)
    for number, (text, _) in enumerate(field.pieces, start=1):
        label = field.label if count == 1 else f"{field.label}, part {number} of {count}"
        hint = " ".join(filter(None, (field.hint, _about(field)))) if number == 1 else ""
        made.append(_input(field, piece_id(field, number), label, _typed(field, text), hint=hint))
    if has_edges(field):
        made.append(_keeping(field))
    return made


def piece_id(field: Field, number: int) -> str:
    """Return the block id of one of the inputs of a text, counted from 1."""
    return field.id if number == 1 else f"{field.id}-{number}"


def edge_id(field: Field) -> str:
    """Return the block id of the checkbox that keeps white space around a text."""
    return f"{field.id}-around"


def has_edges(field: Field) -> bool:
    """Return whether a text begins or ends with white space that people may want to remove."""
    if field.kind is not Kind.TEXT or not field.multiline or not isinstance(field.value, str):
        return False
    return any(long_text.edges(field.value))


def options(field: Field) -> list[Block]:
    """Return the options of a menu."""
    made = [option(text, str(number)) for number, text in enumerate(_distinct(field.shape.options))]
    if field.kind is Kind.CHOICES:
        return made
    if is_kept(field):
        made.append(option(one_line(f"As it is: {choice(field.value)}", OPTION - 1), KEPT))
    if field.shape.nullable:
        made.append(option(EMPTY, NULL))
    if not field.required:
        default = field.shape.schema.get("default", ABSENT)
        text = f"(not set, which means {choice(default)})" if isinstance(default, str | bool | int | float) else NOT_SET
        made.append(option(text if len(text) <= OPTION else NOT_SET, UNSET))
    return made


def is_kept(field: Field) -> bool:
    """Return whether the current value is none of the options."""
    missing = field.value is ABSENT or (field.value is None and field.shape.nullable)
    return not missing and not number_of(field.shape.options, field.value)


def initial(field: Field) -> list[str]:
    """Return the values of the options that are selected initially."""
    value = field.value
    if field.kind is Kind.CHOICES:
        return [number_of(field.shape.options, each) for each in value] if isinstance(value, list) else []
    if value is ABSENT:
        return [] if field.required else [UNSET]
    if value is None and field.shape.nullable:
        return [NULL]
    return [number_of(field.shape.options, value) or KEPT]


def _distinct(values: Sequence[Any]) -> list[str]:
    """Return distinct texts for options."""
    texts: dict[str, None] = dict.fromkeys((NOT_SET, EMPTY))
    for number, value in enumerate(values, start=1):
        text = choice(value, OPTION - 1) or '""'
        texts[text if text not in texts else f"{number}. {text[: OPTION - 10]}"] = None
    return list(texts)[2:]


def _input(field: Field, block_id: str, label: str, element: Block, *, hint: str = "") -> Block:
    made: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label),
        "element": {**element, "action_id": ACTION},
        "optional": may_be_empty(field),
    }
    return {**made, "hint": plain_text(hint)} if hint else made


def may_be_empty(field: Field) -> bool:
    """Return whether Slack should accept the field when it is empty: it rejects empty fields that are not optional."""
    if not field.required or field.shape.nullable:
        return True
    match field.kind:
        case Kind.TEXT:
            blank = len(field.pieces) > 1 or not any(text.strip() for text, _ in field.pieces)
            return blank or field.multiline
        case Kind.LINES | Kind.CHOICES | Kind.SCALAR:
            return True
        case _:
            return field.value == ""


def _typed(field: Field, text: str) -> Block:
    shown = long_text.shown(text)
    schema = field.shape.schema
    if field.kind in (Kind.INTEGER, Kind.NUMBER) and (not shown or _DIGITS.fullmatch(shown)) and _whole(field, shown):
        element: Block = {"type": "number_input", "is_decimal_allowed": field.kind is Kind.NUMBER}
        for key, word, sign in (("min_value", "minimum", -1), ("max_value", "maximum", 1)):
            limit = schema.get(word)
            if isinstance(limit, int) and not isinstance(limit, bool) and abs(limit) < 10**15:
                within = not shown or (float(shown) - limit) * sign <= 0
                element |= {key: str(limit)} if within else {}
    elif schema.get("format") == "email" and (not shown or _EMAIL.fullmatch(shown)):
        element = {"type": "email_text_input"}
    elif schema.get("format") in ("uri", "url") and _URL.fullmatch(shown):
        element = {"type": "url_text_input"}
    else:
        element = {"type": "plain_text_input", "multiline": field.multiline, "max_length": long_text.MAX_CHARS}
    return {**element, "initial_value": shown} if shown else element


def _whole(field: Field, text: str) -> bool:
    return field.kind is Kind.NUMBER or "." not in text


def _menu(field: Field) -> Block:
    value = field.value if isinstance(field.value, str) else ""
    match field.kind:
        case Kind.DATE:
            return {"type": "datepicker", **({"initial_date": value} if value else {})}
        case Kind.MOMENT:
            at = seconds(value)
            return {"type": "datetimepicker", **({"initial_date_time": at} if at is not None else {})}
        case _:
            pass
    listed, first = options(field), initial(field)
    chosen = [each for name in first for each in listed if each["value"] == name]
    if field.kind is Kind.CHOICES:
        many: Block = {"type": "multi_static_select", "options": listed}
        return {**many, "initial_options": chosen} if chosen else many
    yes_or_no = field.shape.options == (True, False) and len(listed) <= 10
    one: Block = {"type": "radio_buttons" if yes_or_no else "static_select", "options": listed}
    return {**one, "initial_option": chosen[0]} if chosen else one


def _replaced(field: Field) -> Block:
    """Return a block with the text that will be replaced, for reading only."""
    text, length = fitting(field.replaces, CHUNK)
    more = len(field.replaces) - length
    rest = [section(plain(f"… and {more:,} more characters."))] if more else []
    return rich(section(bold(replace_label(field))), preformatted(text), *rest)


def replace_label(field: Field) -> str:
    """Return the label of a text that will be replaced."""
    return field.label.removesuffix("With") + "Replace" if field.label.endswith("With") else "Replace"


def _about(field: Field) -> str:
    """Return what a person should know about parts of a text that a form cannot carry."""
    if field.kind is not Kind.TEXT or not isinstance(field.value, str):
        return ""
    said: list[str] = []
    if "\r" in field.value:
        ending = {"\r\n": "CRLF", "\r": "CR"}.get(long_text.breaks(field.value), "")
        said.append(f"Its lines end with {ending}, and so will new ones." if ending else "Line endings are kept.")
    if _INVISIBLE.search(field.value):
        said.append("It holds characters that Slack cannot show; a line that you change loses them.")
    if any(long_text.edges(field.value)) and not field.multiline:
        said.append("Spaces around it are kept.")
    return one_line(" ".join(said), form_labels.HINT)


def _keeping(field: Field) -> Block:
    lead, tail = long_text.edges(field.value)
    only_break = not lead and not tail.strip("\r\n")
    words = "Keep the line break at the end" if only_break else "Keep the spaces and line breaks around it"
    keep = option(words, KEEP)
    element: Block = {"type": "checkboxes", "options": [keep], "initial_options": [keep]}
    return _optional(_input(field, edge_id(field), f"Around “{one_line(field.label, 60)}”", element))


def _optional(block: Block) -> Block:
    return {**block, "optional": True}
