"""Values from outside (a model, a server, Slack, an older version of ours), read as what they can only mean. Pure.

They are read like this where they come in, so that nothing behind has to expect a number that SQLite does not take, a
text that has no UTF-8, or JSON that a provider refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.core.json_text import JsonObject

MOST = 10**15
"""More than there is of anything that is counted here; a sum of many still fits into SQLite's 64 bits."""
MOST_VALUES = 30_000
"""JSON values in one message from outside, by its commas and brackets: so many take 20 ms to be parsed."""
LONGEST_ID = 255
"""Slack's limit of an action_id (docs.slack.dev/reference/block-kit/block-elements/button-element)."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def count(value: object) -> int:
    """How many; 0 for what is no number, negative, or more than there can be."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= MOST else 0
    return int(amount(value))


def amount(value: object) -> float:
    """How much, by the same rules."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= MOST else 0.0  # NaN is in no range


def text(value: object, limit: int = 0) -> str:
    """A text that has UTF-8 and no NUL; empty for what is none. With a limit the rest is cut off, visibly."""
    if not isinstance(value, str):
        return ""
    value = whole(value)
    value = value.replace("\0", REPLACEMENT)
    return f"{value[:limit]}… (cut off)" if limit and len(value) > limit else value


def reference(value: object) -> str:
    """An id, a timestamp or the like of Slack's, none of which is longer than 255 characters; empty for anything else.
    What is looked up by it, or sent back with it, is not to be as long as somebody likes."""
    return text(value) if isinstance(value, str) and len(value) <= LONGEST_ID else ""


def whole(text: str) -> str:
    """The text with surrogate pairs joined that came in two pieces, and lone surrogates replaced: UTF-8 has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON joins pairs, and UTF-8 has three bytes that are none for each of the others: Python's own ways to do it
        # take ten times as long, and whoever writes a million of these means to have us busy.
        raw = json.loads(json.dumps(text)).encode("utf-8", "surrogatepass")
        return raw.decode("utf-8", "replace").replace(3 * REPLACEMENT, REPLACEMENT)
    return text


def mapping(value: object) -> JsonObject:
    """A JSON object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """A JSON array; an empty one for what is none."""
    return value if isinstance(value, list) else []


def values(raw: bytes) -> int:
    """About as many as the JSON values in a message are. Signs within texts do not count: many a text is a table."""
    found = sum(raw.count(sign) for sign in b",[{")
    quotes = raw.count(b'"')
    if found <= MOST_VALUES or quotes > 8 * MOST_VALUES:
        return max(found, quotes // 8)
    between = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    return sum(part.count(sign) for part in between for sign in b",[{")


def parsed(value: object) -> Any:
    """The JSON of a text; None for what is none."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def plain(value: object) -> Any:
    """A JSON value without what only Python's JSON has: NaN and infinities become null, lone surrogates U+FFFD. Raises
    RecursionError for absurdly deep values."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def dumps(value: object) -> str:
    """The JSON text of a value from outside, which every parser takes. Raises RecursionError for absurdly deep ones."""
    try:
        made = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        made.encode("utf-8")
    except ValueError:  # NaN or an infinity; UnicodeEncodeError is one, too
        return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return made
