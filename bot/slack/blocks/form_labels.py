"""Labels and hints of a form that is made from a tool's schema. Pure.

Names, titles and descriptions come from a server: invisible characters are made visible, and they are shown as plain
text only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.blocks.call_text import plain
from bot.slack.blocks.elements import one_line

Path = tuple[str | int, ...]
"""The path of a value in the arguments: names, and list indexes counted from 0."""

LABEL = 150
HINT = 250
DESCRIPTION = 150
PART = 60
"""Characters of one name in a label of several."""
NAMELESS = "(no name)"

_WORD = re.compile(r"[^\W_][\w .-]*|_[\w .-]*")
_PARTS = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[^\sA-Z_.-]+|[A-Z]")
_SHORT = frozenset(
    {"api", "css", "csv", "html", "http", "https", "id", "ip", "json", "pdf", "sql", "uri", "url", "xml"}
)
_PLURAL = {"ids": "IDs", "urls": "URLs", "uris": "URIs", "ips": "IPs"}


def label(name: str, schema: Mapping[str, Any]) -> str:
    """Return the label of an argument: the schema's title, or else the words in its name."""
    titled = schema.get("title")
    if isinstance(titled, str) and titled.strip():
        return one_line(" ".join(titled[:LABEL].split()), LABEL - 1)
    if not _WORD.fullmatch(name[:LABEL]):
        return one_line(name, LABEL - 1) if name.strip() else NAMELESS
    words = [_spelled(word) for word in _PARTS.findall(name[:LABEL])]
    text = " ".join(words) or name
    return one_line(text[:1].upper() + text[1:], LABEL - 1)


def _spelled(word: str) -> str:
    lower = word.lower()
    if lower in _SHORT:
        return lower.upper()
    return _PLURAL.get(lower) or (word if word[:2].isupper() and len(word) > 1 else lower)


def nested(labels: Sequence[str]) -> str:
    """Return the label of a nested value: `Assignee › Name`."""
    text = " › ".join(one_line(each, PART) for each in labels) if len(labels) > 1 else labels[0]
    return text if len(text) <= LABEL else f"…{text[1 - LABEL :]}"


def hint(schema: Mapping[str, Any], *facts: str) -> str:
    """Return the line below a field: the schema's description, and further facts."""
    described = schema.get("description")
    text = one_line(" ".join(described[:HINT].split()), DESCRIPTION - 1) if isinstance(described, str) else ""
    if text and text[-1] not in ".!?…:":
        text += "."
    return one_line(" ".join(filter(None, (text, *facts))), HINT - 1)


def default(schema: Mapping[str, Any]) -> str:
    """Return what happens if a value is left out; empty if the schema does not say it briefly."""
    value = schema.get("default")
    if value is None or isinstance(value, dict | list) or value == "":
        return ""
    shown = {True: "Yes", False: "No"}[value] if isinstance(value, bool) else plain(value)
    return f"If left out: {one_line(shown, PART)}." if len(shown) <= PART else ""


def limits(schema: Mapping[str, Any]) -> str:
    """Return the limits of a text or a number."""
    low, high = _number(schema.get("minimum")), _number(schema.get("maximum"))
    if low and high:
        return f"From {low} to {high}."
    if low or high:
        return f"At least {low}." if low else f"At most {high}."
    short, long = _count(schema.get("minLength")), _count(schema.get("maxLength"))
    if short > 1 and long:
        return f"From {short:,} to {long:,} characters."
    if short > 1 or long:
        return f"At least {short:,} characters." if short > 1 else f"At most {long:,} characters."
    return ""


def _number(value: object) -> str:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**15
    return plain(value) if fits else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else 0


def place(rest: Path, *, lines: bool = False) -> str:
    """Return for people where in a field a value is, counted from 1: `In entry 2, Name: `.

    lines: the field has one entry per line.
    """
    if not rest:
        return ""
    if lines and isinstance(rest[0], int):
        return f"Line {rest[0] + 1}: "
    said = [f"entry {step + 1}" if isinstance(step, int) else label(step, {}) for step in rest[:4]]
    return f"In {', '.join(one_line(each, PART) for each in said)}: "
