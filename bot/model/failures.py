"""Classifies failed requests to the model: which ModelError it is, and whether a retry may succeed.

Sources: OpenRouter's "Errors and Debugging" and its `APIErrorType`; the exceptions of openai, whose status errors carry
`status_code`, `body` and `response` (they are not imported here: that takes a while). OpenRouter reports the same
failure in several places and shapes: as an HTTP status, as an error object with status 200, as an error in mid-stream;
with `error_type` in `metadata` or directly in the error.

Which error a failure is, is decided by `SHAPES`, in order. A new way to fail is a class below `bot.errors.ModelError`
(its docstring is what people read) and one more shape, given to `OpenRouter`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import (
    ContextTooLong,
    ModelError,
    ModelFlagged,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    ModelUnpaid,
    ModelWithoutTools,
    UntrustedEndpoint,
    WrongEndpoint,
)
from bot.model.error_objects import (
    MAX_MESSAGE_CHARS,
    error_object,
    error_type,
    exception_text,
    mapping,
    retry_after,
    status_of,
    texts,
    until_reset,
)

_BY_TYPE: Final[Mapping[str, type[ModelError]]] = {
    "context_length_exceeded": ContextTooLong,
    "string_too_long": ContextTooLong,
    "payload_too_large": ContextTooLong,
    "exceed_context_size": ContextTooLong,
    "authentication": ModelUnauthorized,
    "payment_required": ModelUnpaid,
    "billing": ModelUnpaid,
    "token_limit_exceeded": ModelUnpaid,
    "insufficient_quota": ModelUnpaid,
    "rate_limit_exceeded": ModelRateLimited,
    "rate_limit": ModelRateLimited,
    "provider_overloaded": ModelUnavailable,
    "provider_unavailable": ModelUnavailable,
    "overloaded": ModelUnavailable,
    "unavailable": ModelUnavailable,
    "server": ModelUnavailable,
    "timeout": ModelUnavailable,
    "content_policy_violation": ModelFlagged,
    "content_filter": ModelFlagged,
    "refusal": ModelFlagged,
    "not_found": ModelUnknown,
    "model_not_found": ModelUnknown,
    **dict.fromkeys(
        (
            "image_download_failed",
            "image_not_found",
            "image_too_large",
            "image_too_small",
            "invalid_image",
            "invalid_prompt",
            "invalid_request",
            "max_tokens_exceeded",
            "permission_denied",
            "precondition_failed",
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
    r"context.{0,3}(length|window|size)|maximum context|(prompt|input|request|conversation|messages?) (is|are|was)?\s?"
    r"too (long|large)|too many (input |prompt )?tokens|exceed.{0,40}\btokens|maximum (prompt|input|model) length"
    r"|context.{0,20}overflow|reduce the length of the (messages|prompt|input)|max_tokens must be at least 1, got -",
    re.IGNORECASE,
)
"""OpenAI's, Anthropic's and others' words, and those of vLLM, llama.cpp, Ollama and LM Studio."""
_FULL: Final = re.compile(
    r"context size (has been )?exceeded|exceeds the (available|maximum) context|exceeded max(imum)? context length",
    re.IGNORECASE,
)
"""What llama.cpp and Ollama report with status 500, too."""
_SPENT: Final = re.compile(r"key limit|spending limit|insufficient (credits|balance|quota)", re.IGNORECASE)
_NO_TOOLS: Final = re.compile(
    r"no endpoints? found that supports? (tool|function)|(does not|doesn't|not) supports? (tools|tool use|tool calling"
    r"|function.call)|(tools|tool use|tool calling|function calling) (is|are) not supported"
    r"|requires? (the )?--(enable-auto-tool-choice|jinja)",
    re.IGNORECASE,
)
"""The last line is what vLLM and llama.cpp's server say when they were started without tools."""
_NO_MODEL: Final = re.compile(
    r"not a valid model|no such model|(invalid|unknown|unsupported) model\b|no endpoints found|no models? (is )?loaded"
    r"|model.{0,100}(does not exist|not found|not available|deprecated|has been removed|try pulling it|is not loaded)",
    re.IGNORECASE,
)
_NOT_LOADED: Final = re.compile(r"no models? (is )?loaded|try pulling it", re.IGNORECASE)
"""LM Studio's words, which come with status 200, and Ollama's."""
_NO_ENDPOINT: Final = re.compile(
    r"^\W*(not found|404 page not found|404 not found|file not found|no route|method not allowed|cannot post\b"
    r"|page not found|invalid url|unknown request url|unexpected endpoint or method|\Z)"
    r"|/chat/completions\b.{0,60}not (found|allowed)|unexpected endpoint or method|no route matched"
    r"|unknown request url|invalid url \(|cannot post /",
    re.IGNORECASE,
)
"""What servers and gateways say of a path that they do not serve; nothing at all (the first alternative's end), too."""
_SERVED_NOWHERE: Final = re.compile(r"unexpected endpoint or method", re.IGNORECASE)
_NOT_TRUSTED: Final = re.compile(r"certificate.verify.failed|self.signed certificate|unable to get local issuer", re.I)
_NO_TLS: Final = re.compile(r"wrong.version.number|record.layer.failure|http_request\b|packet length too long", re.I)
"""What OpenSSL says when the server answers a TLS handshake in plain HTTP."""
_FLAGGED: Final = re.compile(
    r"\bflagged\b|moderation|content.(policy|filter|management)|safety (system|polic|filter)", re.IGNORECASE
)
_REASONING: Final = re.compile(
    r"signature|thinking.{0,3} block|reasoning_details|encrypted.content|\brs_\w+\W+not found"
    r"|reasoning_content(?!.{0,40}(missing|required|must be))",
    re.IGNORECASE,
)
_MISSING: Final = re.compile(r"missing.{0,20}reasoning_content", re.IGNORECASE)
_KEY: Final = re.compile(r"\b(sk-|Bearer\s+)[\w.*~+/=-]{6,}")
_DETAIL_LENGTH: Final = 600
_OF_THE_REQUEST: Final = re.compile(
    r"grammar|json.?schema|mmproj|multi-?modal|image input|content part|parse (the )?messages"
    r"|content.{0,20}\b(null|nil)\b",
    re.IGNORECASE,
)
"""A server error that is about the request: llama.cpp's server and Ollama report some of these with status 500."""
MIN_SAID_SECONDS: Final = 30.0
"""The pause that a provider must ask for so that people read when to try again."""


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
    words: str = ""
    """What the provider says of a request that it rejects; it may be about one of the tools."""


def classify(problem: BaseException, secret: str = "", shapes: Sequence[FailureShape] | None = None) -> Failure:
    """Return the failure that a failed attempt is classified as.

    Args:
        problem: an exception of openai or of the transport below it, or a `BrokenReply`.
        secret: the API key; neither it nor anything that looks like a key gets into the error's detail.
        shapes: the known ways to fail, of which the first that recognises it counts; `SHAPES` unless others are given.
    """
    error = error_object(problem)
    if error is None:
        report = Report(False, None, "", exception_text(problem)[:MAX_MESSAGE_CHARS])
        return Failure(*_kind(report, report.words, secret, shapes or SHAPES), None, False)
    status = getattr(problem, "status_code", None) or status_of(error.get("code"))
    type_ = error_type(error)
    message, raw = texts(error)
    report = Report(True, status, type_, f"{message} {raw}")
    detail = " ".join(str(part) for part in (status, type_, message, raw) if part)
    found, retryable = _kind(report, detail, secret, shapes or SHAPES)
    availability = mapping(error.get("availability"))
    headers = getattr(getattr(problem, "response", None), "headers", None)
    pause = retry_after(headers if isinstance(headers, Mapping) else {}, availability)
    if pause is None:
        pause = until_reset(mapping(mapping(error.get("metadata")).get("headers")))
    if pause is not None and pause >= MIN_SAID_SECONDS:
        found.retry_at = time.time() + pause
    rejected = status in (None, 400, 404, 422)
    of_request = status in (400, 404, 422) or (status == 500 and _OF_THE_REQUEST.search(report.words) is not None)
    healable = _REASONING.search(report.words) is not None and _MISSING.search(report.words) is None
    return Failure(
        found,
        retryable and availability.get("retryable") is not False,
        pause,
        rejected and healable,
        report.words if of_request else "",
    )


def _kind(report: Report, detail: str, secret: str, shapes: Sequence[FailureShape]) -> tuple[ModelError, bool]:
    """Which error it is, and whether the same request may succeed later."""
    kind = next((kind for shape in shapes if (kind := shape(report)) is not None), ModelRefused)
    passes = issubclass(kind, (ModelUnavailable, ModelRateLimited))
    status = report.status
    return kind(_clean(detail, secret)), passes and (status is None or status in _BY_STATUS or status >= 500)


def _spent(report: Report) -> type[ModelError] | None:
    return ModelUnpaid if report.status in (402, 403, 429) and _SPENT.search(report.words) else None


def _unreachable(report: Report) -> type[ModelError] | None:
    if report.answered:
        return None
    if _NOT_TRUSTED.search(report.words):
        return UntrustedEndpoint
    return WrongEndpoint if _NO_TLS.search(report.words) else None


def _no_endpoint(report: Report) -> type[ModelError] | None:
    if report.answered and report.status in (404, 405) and _NO_ENDPOINT.search(report.words):
        return WrongEndpoint
    # LM Studio answers every path with status 200.
    anywhere = report.answered and report.status is None and _SERVED_NOWHERE.search(report.words)
    return WrongEndpoint if anywhere else None


def _too_long(report: Report) -> type[ModelError] | None:
    if report.answered and report.status in (None, 400, 413, 422, 500) and _FULL.search(report.words):
        return ContextTooLong
    unsure = report.answered and report.status in (None, 400, 422) and report.type not in _SPECIFIC
    return ContextTooLong if unsure and _TOO_LONG.search(report.words) else None


def _no_tools(report: Report) -> type[ModelError] | None:
    # LM Studio answers with status 200, and llama.cpp's server with 500.
    rejected = report.answered and report.status in (None, 400, 404, 422, 500)
    return ModelWithoutTools if rejected and _NO_TOOLS.search(report.words) else None


def _unknown_model(report: Report) -> type[ModelError] | None:
    known = _NO_MODEL if report.status in (400, 404, 422) else _NOT_LOADED
    return ModelUnknown if report.answered and known.search(report.words) else None


def _flagged(report: Report) -> type[ModelError] | None:
    return ModelFlagged if report.status in (400, 403) and _FLAGGED.search(report.words) else None


def _by_type(report: Report) -> type[ModelError] | None:
    return _BY_TYPE.get(report.type)


def _by_status(report: Report) -> type[ModelError] | None:
    if report.status is None or report.status >= 500:
        return ModelUnavailable
    return _BY_STATUS.get(report.status)


SHAPES: Final[tuple[FailureShape, ...]] = (
    _unreachable,
    _spent,
    _too_long,
    _no_tools,
    _unknown_model,
    _no_endpoint,
    _flagged,
    _by_type,
    _by_status,
)
"""The ways to fail that are known. What none of them recognises is a refusal."""


def _clean(detail: str, secret: str) -> str:
    if secret:
        detail = detail.replace(secret, "[key]")
    detail = " ".join(_KEY.sub("[key]", detail).split())
    return detail if len(detail) <= _DETAIL_LENGTH else detail[: _DETAIL_LENGTH - 1] + "…"
