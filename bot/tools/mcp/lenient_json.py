"""Reads JSON-RPC messages as servers write them, where the SDK would drop a reply and leave its caller waiting.

Seen in servers of MCP: unescaped control characters and escapes that JSON does not have in strings, a log prefix on the
same line, a `result` that is null, a list or a text, an `error` that is a text, and PHP's `[]` for an empty object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.tools.text import sendable

INTERNAL_ERROR: Final = -32603
"""JSON-RPC's code for an error without one."""
MAX_ERROR_CHARS: Final = 2000

_KEYS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_START = re.compile(r'\{\s*"(?:jsonrpc|id|method|params|result|error)"')
_MAX_STARTS, _MAX_SCANNED = 5, 8_000_000
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
_DECODER = json.JSONDecoder(strict=False)
_OBJECTS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords of JSON Schema whose value is an object of schemas."""
_SCHEMAS = ("additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAX_DEPTH = 100


def message(text: str) -> JsonObject | None:
    """Return the JSON-RPC message in a text, in the form that JSON-RPC 2.0 prescribes; None if there is none."""
    for found in _objects(text):
        if ("jsonrpc" in found or _KEYS.issuperset(found)) and (normal := _normal(found)) is not None:
            try:
                return sendable(normal)
            except RecursionError:
                return None
    return None


def handshake(result: JsonObject) -> JsonObject:
    """Return the result of `initialize` or `server/discover` with objects where PHP wrote `[]`, and with a name and a
    version of the server; any other result as it is."""
    if "capabilities" not in result or not ("protocolVersion" in result or "supportedVersions" in result):
        return result
    info = result.get("serverInfo")
    info = info if isinstance(info, dict) else {}
    named = {"name": str(info.get("name") or "unnamed"), "version": str(info.get("version") or "0")}
    fixed: JsonObject = {**result, "capabilities": _capabilities(result["capabilities"])}
    if "serverInfo" in result or "protocolVersion" in result:
        fixed["serverInfo"] = {**info, **named}
    return {
        key: value for key, value in fixed.items() if not (key in ("_meta", "instructions") and value in ([], None))
    }


def schema(value: Any, depth: int = 0) -> Any:
    """Return a JSON Schema with objects where PHP wrote `[]`. An `inputSchema` that is missing takes anything."""
    if value is None or value == []:
        return {}
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return value
    fixed = dict(value)
    for key, part in value.items():
        if key in _OBJECTS and isinstance(part, dict | list):
            fixed[key] = {} if part == [] else part
            if isinstance(part, dict):
                fixed[key] = {name: schema(each, depth + 1) for name, each in part.items()}
        elif key in _SCHEMAS and isinstance(part, dict):
            fixed[key] = schema(part, depth + 1)
        elif key in _LISTS and isinstance(part, list):
            fixed[key] = [schema(each, depth + 1) for each in part]
        elif key == "required" and part in ({}, None):
            fixed[key] = []
    return fixed


def listed(value: Any) -> list[Any] | None:
    """Return a list; also one that PHP wrote as an object because its indexes have gaps. None for anything else."""
    if isinstance(value, dict) and all(key.isdigit() for key in value):
        return list(value.values())
    return value if isinstance(value, list) else None


def _objects(text: str) -> Iterator[JsonObject]:
    """Yield the JSON objects in a text that may be a message. Bounded: a failed attempt may read the whole text."""
    at, tries = 0, 0
    while tries < _MAX_STARTS and (start := _START.search(text, at)) is not None:
        tries += 1
        at = start.start()
        if tries > 1 and tries * (len(text) - at) > _MAX_SCANNED:
            return
        found, end = _decoded(text, at)
        if isinstance(found, dict):
            yield found
        at = max(end, at + 1)


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """Return the JSON value that begins at a place and where it ends; None if there is none."""
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError:
        return None, len(text)
    except ValueError as problem:
        if "escape" not in str(problem):
            return None, at + 1
    repaired = _ESCAPE.sub(lambda found: found[0] if found[1] else "\\\\", text[at:])
    try:
        found, _ = _DECODER.raw_decode(repaired)
    except (ValueError, RecursionError):
        return None, at + 1
    return found, len(text)


def _normal(found: JsonObject) -> JsonObject | None:
    number, method = found.get("id"), found.get("method")
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    has_id = isinstance(number, int | str) and not isinstance(number, bool)
    if isinstance(method, str):
        params = found.get("params")
        return {
            "jsonrpc": "2.0",
            "method": method,
            **({"id": number} if has_id else {}),
            **({"params": params} if isinstance(params, dict) else {}),
        }
    if not has_id or not ("result" in found or "error" in found):
        return None
    error = found.get("error")
    if "result" not in found or error:
        return {"jsonrpc": "2.0", "id": number, "error": _error(error)}
    return {"jsonrpc": "2.0", "id": number, "result": _result(found["result"])}


def _error(error: Any) -> JsonObject:
    parts = error if isinstance(error, dict) else {"message": error}
    code, words = parts.get("code"), parts.get("message")
    if not isinstance(words, str):
        words = json.dumps(error, ensure_ascii=False) if error else "an error without words"
    valid = isinstance(code, int) and not isinstance(code, bool)
    return {"code": code if valid else INTERNAL_ERROR, "message": words[:MAX_ERROR_CHARS]}


def _result(value: Any) -> JsonObject:
    """Return a result as an object; any other value as the content of a tool's result."""
    if isinstance(value, dict):
        return value
    if value is None:
        return {"content": []}
    if isinstance(value, str):
        return {"content": [{"type": "text", "text": value}]}
    if isinstance(value, list) and value and all(isinstance(each, dict) and "type" in each for each in value):
        return {"content": value}
    return {"content": [], "structuredContent": value}


def _capabilities(value: Any) -> JsonObject:
    """Return the capabilities: `[]` and `true` mean that there is one without options, null and false that there is
    none."""
    known = value if isinstance(value, dict) else {}
    return {
        key: part if isinstance(part, dict) else {}
        for key, part in known.items()
        if isinstance(part, dict) or part == [] or part is True
    }
