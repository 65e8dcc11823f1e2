"""Classifies failed requests to the model: which ModelError it is, and whether a retry may succeed.

Sources: OpenRouter's "Errors and Debugging" and its `APIErrorType`; the exceptions of openai, whose status errors carry
`status_code`, `body` and `response` (they are not imported here: that takes a while). OpenRouter reports the same
failure in several places and shapes: as an HTTP status, as an error object with status 200, as an error in mid-stream;
with `error_type` in `metadata` or directly in the error.

Which error a failure is, is decided by `SHAPES`, in order. A new way to fail is a class below `bot.errors.ModelError`
(its docstring is what people read) and one more shape, given to `OpenRouter`.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.errors import (
    ContextTooLong,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnpaid,
)

_BY_TYPE: Final[Mapping[str, type[ModelError]]] = {
    "context_length_exceeded": ContextTooLong,
    "string_too_long": ContextTooLong,
    "payload_too_large": ContextTooLong,
    "authentication": ModelUnauthorized,
    "payment_required": ModelUnpaid,
    "token_limit_exceeded": ModelUnpaid,
    "insufficient_quota": ModelUnpaid,
    "rate_limit_exceeded": ModelRateLimited,
    "rate_limit": ModelRateLimited,
    "provider_overloaded": ModelUnavailable,
    "provider_unavailable": ModelUnavailable,
    "overloaded": ModelUnavailable,
    "server": ModelUnavailable,
    "timeout": ModelUnavailable,
    **dict.fromkeys(
        (
            "content_policy_violation",
            "image_download_failed",
            "image_not_found",
            "image_too_large",
            "image_too_small",
            "invalid_image",
            "invalid_prompt",
            "invalid_request",
            "max_tokens_exceeded",
            "not_found",
            "permission_denied",
            "precondition_failed",
            "refusal",
            "unprocessable",
            "unsupported_image_format",
        ),
        ModelRefused,
    ),
}
"""Errors by OpenRouter's `error_type`, without the suffix `_error` that some providers use."""
_BY_STATUS: Final[Mapping[int, type[ModelError]]] = {
    401: ModelUnauthorized,
    402: ModelUnpaid,
    408: ModelUnavailable,
    409: ModelUnavailable,
    413: ContextTooLong,
    425: ModelUnavailable,
    429: ModelRateLimited,
}
_SPECIFIC: Final = frozenset(_BY_TYPE) - {"invalid_request", "invalid_prompt", "unprocessable"}
"""Types that identify the failure; the others are also used for conversations that are too long."""
_TOO_LONG: Final = re.compile(
    r"context.{0,3}(length|window)|maximum context|(prompt|input|request|conversation) is too (long|large)"
    r"|too many (input )?tokens|exceed.{0,40}\btokens",
    re.IGNORECASE,
)
_SPENT: Final = re.compile(r"key limit|spending limit|insufficient (credits|balance|quota)", re.IGNORECASE)
_REASONING: Final = re.compile(
    r"signature|thinking.{0,3} block|reasoning_details|encrypted.content|\brs_\w+\W+not found", re.IGNORECASE
)
_KEY: Final = re.compile(r"\b(sk-|Bearer\s+)[\w.*~+/=-]{6,}")
_DETAIL_LENGTH: Final = 600
MAX_MESSAGE_CHARS: Final = 4_000
"""Characters of an error message that are examined. The relevant part comes first, and searching megabytes would block
the event loop."""
_MAX_DEPTH: Final = 4
_MAX_WIDTH: Final = 10
MAX_BODY_BYTES: Final = 64 * 1024
"""Bytes of the body of an HTTP error (a web page, or an object with a message) that are read."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came back from an attempt that failed."""

    answered: bool
    """An error came. Else nothing did, or a reply that broke off or cannot be read."""
    status: int | None
    """The HTTP status, also one that only stands in the error."""
    type: str
    """What OpenRouter or the provider calls it, without `_error` at its end; often empty."""
    words: str
    """The message and the provider's own, as much of them as is looked at; of what was no answer, the exception's."""


FailureShape = Callable[[Report], type[ModelError] | None]
"""Recognises one way to fail; None when it is another one. What is below ModelUnavailable or ModelRateLimited is tried
again, everything else is not."""


class BrokenReply(Exception):
    """The reply is unusable: it broke off, cannot be parsed, or is an error object."""

    def __init__(self, message: str, error: JsonObject | None = None) -> None:
        self.error = error
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Failure:
    """The classification of a failed attempt."""

    error: ModelError
    retryable: bool
    """Whether the same request may succeed later."""
    retry_after: float | None
    """Seconds the provider asks to wait; None when it does not say."""
    reasoning: bool
    """The provider rejects the reasoning in the history: without it the request may succeed."""


def classify(problem: BaseException, secret: str = "", shapes: Sequence[FailureShape] | None = None) -> Failure:
    """Return the failure that a failed attempt is classified as.

    Args:
        problem: an exception of openai or of the transport below it, or a `BrokenReply`.
        secret: the API key; neither it nor anything that looks like a key gets into the error's detail.
        shapes: the known ways to fail, of which the first that recognises it counts; `SHAPES` unless others are given.
    """
    error = _error_object(problem)
    if error is None:
        report = Report(False, None, "", _exception_text(problem)[:MAX_MESSAGE_CHARS])
        return Failure(*_kind(report, report.words, secret, shapes or SHAPES), None, False)
    status = getattr(problem, "status_code", None) or _status(error.get("code"))
    type_ = _error_type(error)
    message, raw = _texts(error)
    report = Report(True, status, type_, f"{message} {raw}")
    detail = " ".join(str(part) for part in (status, type_, message, raw) if part)
    found, retryable = _kind(report, detail, secret, shapes or SHAPES)
    availability = _mapping(error.get("availability"))
    headers = getattr(getattr(problem, "response", None), "headers", None)
    return Failure(
        found,
        retryable and availability.get("retryable") is not False,
        _retry_after(headers if isinstance(headers, Mapping) else {}, availability),
        status in (None, 400, 404, 422) and _REASONING.search(report.words) is not None,
    )


def _kind(report: Report, detail: str, secret: str, shapes: Sequence[FailureShape]) -> tuple[ModelError, bool]:
    """Which error it is, and whether the same request may succeed later."""
    kind = next((kind for shape in shapes if (kind := shape(report)) is not None), ModelRefused)
    passes = issubclass(kind, (ModelUnavailable, ModelRateLimited))
    status = report.status
    return kind(_clean(detail, secret)), passes and (status is None or status in _BY_STATUS or status >= 500)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _error_object(problem: BaseException) -> Mapping[str, Any] | None:
    """Return the error object of a response; None when there was no response because the connection failed."""
    if isinstance(problem, BrokenReply):
        return problem.error
    body = getattr(problem, "body", None)
    if isinstance(body, Mapping):
        return _mapping(body.get("error")) or body
    if getattr(problem, "status_code", None) is not None:
        return {"message": _first_line(str(body)) if body else ""}
    return None


def _exception_text(problem: BaseException) -> str:
    """Describe an exception with its cause: openai's connection errors only say "Connection error."."""
    parts = [f"{type(problem).__name__}: {problem}"]
    if problem.__cause__ is not None:
        parts.append(f"{type(problem.__cause__).__name__}: {problem.__cause__}")
    return str(problem) if isinstance(problem, BrokenReply) else " - ".join(parts)


def _status(code: object) -> int | None:
    if isinstance(code, int):
        return code if 400 <= code <= 599 else None
    return int(code) if isinstance(code, str) and len(code) == 3 and re.fullmatch(r"[45]\d\d", code) else None


def _error_type(error: Mapping[str, Any]) -> str:
    """Return `metadata.error_type`, `error_type` directly in the error, or a `code` that is a name."""
    for found in (_mapping(error.get("metadata")).get("error_type"), error.get("error_type"), error.get("code")):
        if isinstance(found, str) and _status(found) is None:
            return found[:MAX_MESSAGE_CHARS].removesuffix("_error")
    return ""


def _texts(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return OpenRouter's message and the raw message of the provider behind it."""
    raw = _mapping(error.get("metadata")).get("raw")
    if raw is not None and not isinstance(raw, str):
        raw = _message_text(raw)
    return _message_text(error.get("message") or "")[:MAX_MESSAGE_CHARS], (raw or "")[:MAX_MESSAGE_CHARS]


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


def _spent(report: Report) -> type[ModelError] | None:
    return ModelUnpaid if report.status in (402, 403, 429) and _SPENT.search(report.words) else None


def _too_long(report: Report) -> type[ModelError] | None:
    unsure = report.answered and report.status in (None, 400, 422) and report.type not in _SPECIFIC
    return ContextTooLong if unsure and _TOO_LONG.search(report.words) else None


def _by_type(report: Report) -> type[ModelError] | None:
    return _BY_TYPE.get(report.type)


def _by_status(report: Report) -> type[ModelError] | None:
    if report.status is None or report.status >= 500:
        return ModelUnavailable
    return _BY_STATUS.get(report.status)


SHAPES: Final[tuple[FailureShape, ...]] = (_spent, _too_long, _by_type, _by_status)
"""The ways to fail that are known. What none of them recognises is a refusal."""


def _retry_after(headers: Mapping[str, str], availability: Mapping[str, Any]) -> float | None:
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


def _first_line(body: str) -> str:
    """Return the beginning of a body that is not JSON (often a proxy's web page), without tags, for the log."""
    # The pattern stops at the next "<": unclosed tags would otherwise take quadratic time.
    return " ".join(re.sub(r"<[^<>]*>", " ", body[:MAX_BODY_BYTES]).split())[:200]


def _clean(detail: str, secret: str) -> str:
    if secret:
        detail = detail.replace(secret, "[key]")
    detail = " ".join(_KEY.sub("[key]", detail).split())
    return detail if len(detail) <= _DETAIL_LENGTH else detail[: _DETAIL_LENGTH - 1] + "…"
