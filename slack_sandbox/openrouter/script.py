"""What the model stand-in answers: replies, and every way a reply can fail.

An answer is plain data, made by `text`, `calls`, `empty` and `failure`; `wire` turns it into bytes.
The shapes follow OpenRouter's API reference (chat completion, streaming, errors) and what its providers were seen
to do.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypedDict, Unpack

JsonObject = dict[str, Any]

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call as the model sends it."""

    name: str
    arguments: str
    """The text that goes over the wire, whether or not it is JSON."""
    id: str | None
    """None leaves the field out, the empty string is sent as it is."""


class Options(TypedDict, total=False):
    """How a completion is sent; what each means is said at `Completion`."""

    chunks: int
    delay: float
    first_token: float
    reasoning: str
    reasoning_details: Sequence[JsonObject]
    usage: Mapping[str, Any] | None
    cost: float
    cached: int
    finish_reason: str
    model: str | None
    provider: str
    comments: int
    with_index: bool
    repeat_names: bool
    interleave: bool
    whole: bool
    deltas: Sequence[JsonObject]


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply of the model."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    chunks: int = 1
    """In how many pieces the text, the reasoning and each call's arguments are streamed."""
    delay: float = 0.0
    """Seconds before each event of the stream; 0 sends all of them in one write."""
    first_token: float = 0.0
    """Seconds of nothing but comments before the first event."""
    reasoning: str = ""
    reasoning_details: Sequence[JsonObject] = ()
    """Complete entries, as a reply that is not streamed has them. Streamed, the text of each comes in pieces and a
    signature by itself after it, and with `with_index=False` without `index`."""
    usage: Mapping[str, Any] | None = None
    """Replaces the whole usage object; without it tokens are estimated from the sizes. None is sent if it is empty."""
    cost: float = 0.0
    """US dollars."""
    cached: int = 0
    finish_reason: str = "stop"
    """Empty for none; the stream still ends with [DONE]."""
    model: str | None = None
    """The model that ran; the requested one when None."""
    provider: str = "Sandbox"
    comments: int = 1
    """How many `: OPENROUTER PROCESSING` lines come first."""
    with_index: bool = True
    """False leaves `index` out of tool call deltas and of reasoning details, as some providers do."""
    repeat_names: bool = False
    """Repeats id and name in every delta of a call, as some providers do."""
    interleave: bool = False
    """Streams the pieces of parallel calls in turn instead of one call after the other."""
    whole: bool = False
    """Answers with one JSON body although a stream was asked for, as some gateways do."""
    deltas: Sequence[JsonObject] = ()
    """Deltas that are streamed unchanged before everything else, for what only some providers send."""
    id: str = ""
    """The id of the reply; a new one if empty."""


FailureKind = Literal[
    "status",
    "error_in_200",
    "error_finish",
    "error_chunk",
    "truncated",
    "unfinished",
    "stalled",
    "hang",
    "garbage",
    "html",
    "null_choices",
    "dropped",
]
"""How the answer fails:

status         an HTTP error status with OpenRouter's error object
error_in_200   HTTP 200, and the error object instead of a completion
error_finish   HTTP 200, `finish_reason: "error"`, the error in the choice
error_chunk    an `{"error": …}` event after some of the reply
truncated      the connection closes in the middle of the reply
unfinished     the stream ends properly, without finish_reason and [DONE]
stalled        after some of the reply nothing but comments, without an end
hang           nothing at all, not even headers, for ever
garbage        an event that is not JSON
html           HTTP 200 and a web page, as a proxy gives it
null_choices   HTTP 200 and a completion whose choices are null
dropped        the connection closes before the headers
"""

NamedError = Literal["context_length_exceeded", "invalid_encrypted_content", "invalid_signature"]

_ERROR_TYPES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_request", "Provider returned error"),
    401: ("authentication", "User not found."),
    402: ("payment_required", "Insufficient credits. Add more using https://openrouter.ai/settings/credits"),
    403: ("permission_denied", "This request was blocked."),
    404: ("not_found", "No endpoints found for this model."),
    408: ("timeout", "Request timed out"),
    413: ("payload_too_large", "Request body too large"),
    429: ("rate_limit_exceeded", "Provider returned error"),
    500: ("server", "Internal Server Error"),
    502: ("provider_unavailable", "Provider returned error"),
    503: ("provider_overloaded", "Provider returned error"),
    529: ("provider_overloaded", "Provider returned error"),
}

_NAMED: Final[Mapping[str, tuple[str, str, str]]] = {
    "context_length_exceeded": (
        "context_length_exceeded",
        "This endpoint's maximum context length is 200000 tokens. However, you requested about 214000 tokens.",
        "",
    ),
    "invalid_encrypted_content": (
        "invalid_request",
        "Provider returned error",
        '{"error":{"message":"The encrypted content could not be verified.","code":"invalid_encrypted_content"}}',
    ),
    "invalid_signature": (
        "invalid_request",
        "Provider returned error",
        '{"type":"error","error":{"message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}',
    ),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is none."""

    kind: FailureKind
    status: int
    """The HTTP status, or the `code` of the error where the status is 200."""
    error: JsonObject
    retry_after: str | None
    """The Retry-After header."""
    before: Completion
    """What is streamed before it fails."""
    interval: float
    """Seconds between the comments of a stalled stream."""
    raw: str = ""
    """The body of an HTTP error that is not in OpenRouter's shape."""


Answer = Completion | Failure


def call(name: str, arguments: Mapping[str, Any] | str | None = None, *, id: str | None = "auto") -> Call:
    """A tool call. Arguments given as text go over the wire unchanged, so they may be malformed, fenced or cut off.

    id: "auto" makes a unique one, None leaves the field out, "" sends an empty one.
    """
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return Call(name, raw, f"call_{next(_serial):024d}" if id == "auto" else id)


def text(content: str = "…", **options: Unpack[Options]) -> Completion:
    """A reply in words."""
    return replace(Completion(text=content), **options)


def calls(*call: Call, text: str | None = None, **options: Unpack[Options]) -> Completion:
    """A reply with tool calls, with some words before them if given."""
    return replace(Completion(text=text or "", calls=call, finish_reason="tool_calls"), **options)


def empty(**options: Unpack[Options]) -> Completion:
    """A reply that says nothing and calls nothing, as models give it now and then after tool results."""
    return replace(Completion(), **options)


def failure(
    what: int | NamedError | FailureKind,
    *,
    code: int | str = 502,
    error_type: str | None = None,
    message: str | None = None,
    retry_after: float | str | None = None,
    newer: bool = False,
    retryable: bool | None = None,
    metadata: Mapping[str, Any] | None = None,
    before: Completion | None = None,
    interval: float = 0.02,
) -> Failure:
    """An answer that fails.

    what: an HTTP status, the name of a known 400, or a `FailureKind`.
    code: of the error where the HTTP status is 200.
    retry_after: seconds (or an HTTP date) in the header, and in `error.availability` of the newer shape.
    newer: `error_type` and `availability` directly under `error` instead of in `metadata`.
    retryable: what `availability` says; by the status when None.
    before: what is streamed before it fails.
    """
    raw = ""
    kind: FailureKind = "status"
    if isinstance(what, int):
        status, number = what, what
    elif what in _NAMED:
        status, number = 400, 400
        named_type, named_message, raw = _NAMED[what]
        error_type, message = error_type or named_type, message or named_message
    else:
        kind, status, number = what, 200, code  # type: ignore[assignment]
    known_type, known_message = _ERROR_TYPES.get(number if isinstance(number, int) else 0, ("server", "Error"))
    details: JsonObject = {"provider_name": "Sandbox", **({"raw": raw} if raw else {}), **(metadata or {})}
    error: JsonObject = {"code": number, "message": message or known_message}
    if newer:
        error["error_type"] = error_type or known_type
        may = status in (408, 429) or status >= 500 if retryable is None else retryable
        error["availability"] = {"retryable": may, "retry_after": retry_after, "fallback_models": []}
    else:
        details["error_type"] = error_type or known_type
    error["metadata"] = details
    return Failure(
        kind,
        status,
        error,
        None if retry_after is None else str(retry_after),
        before or Completion(text="The beginning of an answer that never"),
        interval,
    )
