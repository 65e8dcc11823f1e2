"""Reads the arguments of a tool call as the JSON object that the model meant, if there is exactly one reading. Pure."""

from __future__ import annotations

import ast
import json
import re
import string
from contextlib import suppress
from typing import Any, Final

from bot.core import untrusted

MAX_REPAIRED_CHARS: Final = 150_000
"""Invalid JSON arguments are repaired only up to this many characters."""
MAX_LITERAL_CHARS: Final = 20_000
"""Arguments that are not JSON at all are parsed as a Python literal only up to this many characters."""
_FENCE: Final = "```"
_NOTHING: Final = ("undefined", "None")
"""What stands for no arguments in other languages."""
_MAX_REPEATED: Final = 4
_LANGUAGE: Final = string.ascii_letters + string.digits
_STRING_OR_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|,(?=\s*[}\]])', re.DOTALL)
"""An unterminated string extends to the end of the text, so that matching takes linear time."""
_END_MARK: Final = re.compile(r"(?:<[|｜][^<>|｜]{1,40}[|｜]>|</[a-z_:]{1,40}>)\s*\Z", re.IGNORECASE)
"""A token of the model's chat template that got into the arguments."""
_END_MARK_CHARS: Final = 100
_MAX_LAYERS: Final = 3
"""How often an object may be encoded as the text of another value."""


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not valid JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)
_LAX_JSON: Final = json.JSONDecoder(parse_constant=_no_constant, strict=False)
"""Accepts line breaks and tabs in strings, which JSON wants escaped."""


def text_of(arguments: object) -> str:
    """Serialize arguments that were sent as a JSON value instead of a string."""
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "(nested too deeply)"


def is_object(text: str) -> bool:
    """Return whether the text is a JSON object according to RFC 8259, which excludes NaN and infinities."""
    try:
        return isinstance(_JSON.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def repaired(text: str, name: str = "") -> str | None:
    """Return the arguments of a call as the text of a JSON object, or None if they are not one.

    Nothing, `null` and `[]` become `{}`. A code fence, trailing commas and tokens of the chat template are removed, raw
    line breaks in strings are escaped, and an object is unwrapped that is encoded as a string, alone in a list, or in a
    whole call. Closing the braces of truncated arguments would run a call that the model never finished.

    name: the name of the tool, which a whole call in the arguments must have.
    """
    if is_object(text):
        return _unwrapped(text, name) if name and '"name"' in text and len(text) <= MAX_REPAIRED_CHARS else text
    if len(text) > MAX_REPAIRED_CHARS:
        return None
    bare = _unfenced((text[:-_END_MARK_CHARS] + _END_MARK.sub("", text[-_END_MARK_CHARS:])).strip("\ufeff \t\r\n"))
    if not bare or bare in _NOTHING:
        return "{}"
    for repair in (str, _without_commas):
        bare = repair(bare)
        with suppress(ValueError, RecursionError):
            return _object(_LAX_JSON.decode(bare), bare, name)
    return _repeated(bare) or _literal(bare)


def _repeated(text: str) -> str | None:
    """Return the object that is written several times in a row, or once behind empty ones: some servers begin with
    `{}`, and others send the whole after its pieces. None if there are different ones."""
    found: list[str] = []
    at = 0
    while at < len(text):
        if len(found) >= _MAX_REPEATED:
            return None
        try:
            value, end = _JSON.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        if value and text[at:end] not in found:
            found.append(text[at:end])
        at = end + len(text[end:]) - len(text[end:].lstrip())
    return found[0] if len(found) == 1 else None


def _unfenced(text: str) -> str:
    if text.startswith(_FENCE) and text.endswith(_FENCE) and len(text) >= 2 * len(_FENCE):
        return text[len(_FENCE) : -len(_FENCE)].lstrip(_LANGUAGE).strip()
    return text


def _without_commas(text: str) -> str:
    return _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], text)


def _object(value: Any, text: str, name: str, layers: int = 0) -> str | None:
    """Return the object that a value stands for. text: the value as it was written."""
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        return "{}"
    if isinstance(value, dict):
        found = text if is_object(text) else _dumped(value)
        return None if found is None else _unwrapped(found, name)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return _object(value[0], "", name, layers + 1)
    if isinstance(value, str) and layers < _MAX_LAYERS:
        with suppress(ValueError, RecursionError):
            return _object(_LAX_JSON.decode(value.strip()), value.strip(), name, layers + 1)
    return None


def _unwrapped(text: str, name: str) -> str:
    """Return the arguments in the text of an object that is the whole call; else the text."""
    value = _JSON.decode(text)
    inner = value.get("arguments", value.get("parameters"))
    if not name or value.get("name") != name or len(value) != 2 or inner is None:
        return text
    found = _object(inner, "", "", 1)
    return text if found is None else found


def _literal(text: str) -> str | None:
    """Return an object that is written as a Python dict; None if it is not one."""
    if not (text.startswith("{") and text.endswith("}")) or len(text) > MAX_LITERAL_CHARS:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return _dumped(value) if isinstance(value, dict) and all(isinstance(key, str) for key in value) else None


def _dumped(value: Any) -> str | None:
    try:
        found = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return untrusted.valid_unicode(found)
