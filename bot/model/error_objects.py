"""Reads the error of a failed request out of the shapes in which OpenRouter and the servers behind it send it. Pure."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from bot.core.json_text import JsonObject

MAX_MESSAGE_CHARS: Final = 4_000
"""Characters of an error message that are examined. The relevant part comes first, and searching megabytes would block
the event loop."""
MAX_BODY_BYTES: Final = 64 * 1024
"""Bytes of the body of an HTTP error (a web page, or an object with a message) that are read."""
MAX_RESET_SECONDS: Final = 40 * 86_400.0
_SAID: Final = ("message", "detail", "error", "errors", "msg", "title")
"""Where servers say what was wrong: FastAPI's and Mistral's in `detail`, a list of which each entry names a field."""
_MAX_DEPTH: Final = 4
_MAX_WIDTH: Final = 10


class BrokenReply(Exception):
    """The reply is unusable: it broke off, cannot be parsed, or is an error object."""

    def __init__(self, message: str, error: JsonObject | None = None) -> None:
        self.error = error
        super().__init__(message)


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def error_object(problem: BaseException) -> Mapping[str, Any] | None:
    """Return the error object of a response; None when there was no response because the connection failed."""
    if isinstance(problem, BrokenReply):
        return problem.error
    body = getattr(problem, "body", None)
    if isinstance(body, Mapping):
        return mapping(body.get("error")) or body
    if getattr(problem, "status_code", None) is not None:
        return {"message": _first_line(str(body)) if body else ""}
    return None


def unwrapped(body: object) -> object:
    """Return the error object in the JSON body of a failed request; the body itself if there is none.

    Gemini's endpoint for OpenAI's API sends a list with one element, Ollama and LM Studio a text as `error`.
    """
    if isinstance(body, list) and body and isinstance(body[0], Mapping):
        body = body[0]
    error = mapping(body).get("error", body)
    return {"message": error} if isinstance(error, str) and body is not error else error


def exception_text(problem: BaseException) -> str:
    """Describe an exception with its cause: openai's connection errors only say "Connection error."."""
    parts = [f"{type(problem).__name__}: {problem}"]
    if problem.__cause__ is not None:
        parts.append(f"{type(problem.__cause__).__name__}: {problem.__cause__}")
    return str(problem) if isinstance(problem, BrokenReply) else " - ".join(parts)


def status_of(code: object) -> int | None:
    if isinstance(code, int):
        return code if 400 <= code <= 599 else None
    return int(code) if isinstance(code, str) and len(code) == 3 and re.fullmatch(r"[45]\d\d", code) else None


def error_type(error: Mapping[str, Any]) -> str:
    """Return `metadata.error_type`, `error_type` directly in the error, a `code` that is a name, or `type`, which is
    all that llama.cpp's server has."""
    named = (mapping(error.get("metadata")).get("error_type"), error.get("error_type"), error.get("code"))
    for found in (*named, error.get("type")):
        if isinstance(found, str) and found and status_of(found) is None:
            return found[:MAX_MESSAGE_CHARS].removesuffix("_error")
    return ""


def texts(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return OpenRouter's message and the raw message of the provider behind it."""
    raw = mapping(error.get("metadata")).get("raw")
    if raw is not None and not isinstance(raw, str):
        raw = _message_text(raw)
    said = next((error[key] for key in _SAID if error.get(key)), "")
    return _message_text(said)[:MAX_MESSAGE_CHARS], (raw or "")[:MAX_MESSAGE_CHARS]


def _message_text(value: object) -> str:
    """Return a message as text, even when it is a JSON value of another type."""
    try:
        return value if isinstance(value, str) else json.dumps(_truncated(value), ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "(unreadable message)"


def _truncated(value: Any, depth: int = 0) -> Any:
    """Limit a JSON value in depth, width and length of its strings."""
    if isinstance(value, str):
        return value[:MAX_MESSAGE_CHARS]
    if isinstance(value, Mapping | list) and depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        pairs: Mapping[Any, Any] = value
        return {
            str(key)[:MAX_MESSAGE_CHARS]: _truncated(item, depth + 1) for key, item in islice(pairs.items(), _MAX_WIDTH)
        }
    if isinstance(value, list):
        parts: list[Any] = value
        return [_truncated(item, depth + 1) for item in parts[:_MAX_WIDTH]]
    return value


def retry_after(headers: Mapping[str, str], availability: Mapping[str, Any]) -> float | None:
    """Return the seconds to wait from the Retry-After header (seconds or a date, RFC 9110) or the error object."""
    header = headers.get("retry-after")
    for value in (header, availability.get("retry_after")):
        try:
            seconds = float(value) if value is not None else -1.0
        except (TypeError, ValueError, OverflowError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        parsed = email.utils.parsedate_tz(header) if header else None
        return max(0.0, email.utils.mktime_tz(parsed) - time.time()) if parsed else None
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def until_reset(headers: Mapping[str, Any]) -> float | None:
    """Return the seconds until a limit of OpenRouter is reset, which it says in milliseconds since 1970."""
    for name, value in islice(headers.items(), _MAX_WIDTH * _MAX_WIDTH):
        if str(name)[:40].lower() == "x-ratelimit-reset" and str(value)[:20].isdecimal():
            seconds = float(str(value)[:20]) / 1000 - time.time()
            return seconds if 0 < seconds < MAX_RESET_SECONDS else None
    return None


def _first_line(body: str) -> str:
    """Return the beginning of a body that is not JSON (often a proxy's web page), without tags, for the log."""
    # The pattern stops at the next "<": unclosed tags would otherwise take quadratic time.
    return " ".join(re.sub(r"<[^<>]*>", " ", body[:MAX_BODY_BYTES]).split())[:200]
