"""Sanitizes values from untrusted sources (a model, a server, Slack, an older version of the bot). Pure.

Values are sanitized where they enter, so that no other code has to handle a number that SQLite rejects, a text that
cannot be encoded as UTF-8, or JSON that a provider rejects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from bot.core.json_text import JsonObject

Kind = TypeVar("Kind", bound=Enum)

MAX_NUMBER = 10**15
"""Larger than any real value; a sum of many such values still fits into SQLite's 64 bits."""
MAX_VALUES = 30_000
"""JSON values in one message, estimated from its commas and brackets: this many take 20 ms to parse."""
MAX_ID_LENGTH = 255
"""Slack's limit of an action_id (docs.slack.dev/reference/block-kit/block-elements/button-element)."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def count(value: object) -> int:
    """Return a count; 0 if the value is not a number, is negative, or exceeds MAX_NUMBER."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= MAX_NUMBER else 0
    return int(amount(value))


def amount(value: object) -> float:
    """Return an amount; 0.0 if the value is not a number, is negative, or exceeds MAX_NUMBER."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= MAX_NUMBER else 0.0  # false for NaN


def text(value: object, limit: int = 0) -> str:
    """Return a text that is valid UTF-8 without NUL; empty if the value is not a string.

    With a limit, a longer text is truncated and marked as cut off.
    """
    if not isinstance(value, str):
        return ""
    value = value if value.isascii() else valid_unicode(value)
    value = value.replace("\0", REPLACEMENT)
    return f"{value[:limit]}… (cut off)" if limit and len(value) > limit else value


def reference(value: object) -> str:
    """Return an id, a timestamp or a similar reference of Slack's; empty if it is not a string of at most 255
    characters. References are used in look-ups and sent back to Slack, so their length must be limited."""
    return text(value) if isinstance(value, str) and len(value) <= MAX_ID_LENGTH else ""


def valid_unicode(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates, which cannot be encoded as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON joins pairs, and each remaining surrogate becomes three invalid UTF-8 bytes. More direct ways take ten
        # times as long, which matters for a text with a million of them.
        raw = json.loads(json.dumps(text)).encode("utf-8", "surrogatepass")
        return raw.decode("utf-8", "replace").replace(3 * REPLACEMENT, REPLACEMENT)
    return text


def mapping(value: object) -> JsonObject:
    """Return a JSON object; an empty one if the value is not an object."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return a JSON array; an empty one if the value is not an array."""
    return value if isinstance(value, list) else []


def one_of(kind: type[Kind], value: object, otherwise: Kind) -> Kind:
    """Return the member of an enumeration that has this value; `otherwise` if none has."""
    try:
        return kind(value)
    except ValueError:
        return otherwise


def count_values(raw: bytes) -> int:
    """Estimate the number of JSON values in a message. Characters inside strings do not count: they may be tables."""
    found = sum(raw.count(sign) for sign in b",[{")
    quotes = raw.count(b'"')
    if found <= MAX_VALUES or quotes > 8 * MAX_VALUES:
        return max(found, quotes // 8)
    between = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    return sum(part.count(sign) for part in between for sign in b",[{")


def parsed(value: object) -> Any:
    """Parse a JSON text; None if the value is not valid JSON text."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def standard_json(value: object) -> Any:
    """Return a value that is valid JSON: NaN and infinities become null, lone surrogates U+FFFD.

    Raises RecursionError if it is nested too deeply.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(str(key)): standard_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [standard_json(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def dumps(value: object) -> str:
    """Serialize an untrusted value as JSON that every parser accepts. Raises RecursionError if nested too deeply."""
    try:
        made = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        made.encode("utf-8")
    except ValueError:  # NaN, an infinity, or UnicodeEncodeError
        return json.dumps(standard_json(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return made
