"""Answers of the model stand-in as bytes: server-sent events and whole bodies in OpenRouter's shape."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence

from slack_sandbox.openrouter.script import Call, Completion, JsonObject

COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
_CREATED = 1_790_000_000

_serial = itertools.count(1)


def new_id() -> str:
    """An id that no other reply has."""
    return f"gen-{_CREATED}-{next(_serial)}"


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def pieces(content: str, count: int) -> list[str]:
    """The text cut into at most so many parts of about one size; none for an empty text."""
    size = max(1, -(-len(content) // max(1, count)))
    return [content[start : start + size] for start in range(0, len(content), size)]


def usage(completion: Completion, prompt_bytes: int) -> JsonObject:
    """The usage object, with tokens estimated at four bytes each unless the answer fixes it."""
    if completion.usage is not None:
        return dict(completion.usage)
    written = len(completion.text) + sum(len(call.arguments) + len(call.name) for call in completion.calls)
    prompt, output = prompt_bytes // 4 + 1, written // 4 + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "cost": completion.cost,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": completion.cached, "cache_write_tokens": 0, "audio_tokens": 0},
        "cost_details": {"upstream_inference_cost": None},
        "completion_tokens_details": {"reasoning_tokens": len(completion.reasoning) // 4},
    }


def _call_deltas(completion: Completion, position: int, call: Call) -> list[JsonObject]:
    """One call as the deltas of a stream: id and name first, then the arguments in pieces."""
    head: JsonObject = {"index": position} if completion.with_index else {}
    identity: JsonObject = {} if call.id is None else {"id": call.id}
    parts = pieces(call.arguments, completion.chunks)
    whole = completion.chunks == 1
    first = {
        **head,
        **identity,
        "type": "function",
        "function": {"name": call.name, "arguments": "".join(parts) if whole else ""},
    }
    if whole:
        return [first]
    if completion.repeat_names:
        return [first, *({**first, "function": {"name": call.name, "arguments": part}} for part in parts)]
    return [first, *({**head, "type": "function", "function": {"arguments": part}} for part in parts)]


def _reasoning_deltas(completion: Completion) -> Iterator[JsonObject]:
    """Reasoning as it is streamed: one fragment an event, a signature in an event of its own."""
    if not completion.reasoning_details:
        for part in pieces(completion.reasoning, completion.chunks):
            yield {"reasoning": part}
    for entry in completion.reasoning_details:
        rest = dict(entry) if completion.with_index else {key: entry[key] for key in entry if key != "index"}
        field = next((name for name in ("text", "summary") if isinstance(rest.get(name), str)), None)
        if field is None:
            yield {"reasoning_details": [rest]}
            continue
        content, signature = rest.pop(field), rest.pop("signature", None)
        for part in pieces(content, completion.chunks):
            yield {"reasoning": part, "reasoning_details": [{**rest, field: part}]}
        if signature is not None:
            yield {"reasoning_details": [{**rest, "signature": signature}]}


def _deltas(completion: Completion) -> Iterator[JsonObject]:
    yield from completion.deltas
    yield from _reasoning_deltas(completion)
    for part in pieces(completion.text, completion.chunks):
        yield {"content": part}
    streams = [_call_deltas(completion, position, call) for position, call in enumerate(completion.calls)]
    if completion.interleave:
        turns = itertools.zip_longest(*streams)
        order: list[JsonObject] = [delta for turn in turns for delta in turn if delta is not None]
    else:
        order = [delta for stream in streams for delta in stream]
    for delta in order:
        yield {"content": None, "tool_calls": [delta]}


def events(completion: Completion, model: str, prompt_bytes: int, error: JsonObject | None = None) -> list[bytes]:
    """The events of a streamed reply, the [DONE] included; with an error, the final choice carries it."""
    head = (
        b"data: "
        + dumps(
            {
                "id": completion.id or new_id(),
                "provider": completion.provider,
                "model": completion.model or model,
                "object": "chat.completion.chunk",
                "created": _CREATED,
            }
        )[:-1]
    )

    def event(delta: JsonObject, finish: str | None = None) -> bytes:
        choice: JsonObject = {
            "index": 0,
            "delta": {"role": "assistant", **({"content": ""} if "content" not in delta else {}), **delta},
            "finish_reason": finish,
            "native_finish_reason": finish,
            "logprobs": None,
        }
        if finish and error is not None:
            choice["error"] = error
        return head + b',"choices":[' + dumps(choice) + b"]}\n\n"

    stream = [event(delta) for delta in _deltas(completion)]
    stream.append(event({"content": ""}, "error" if error is not None else completion.finish_reason or None))
    if spent := usage(completion, prompt_bytes):
        stream.append(head + b',"choices":[],"usage":' + dumps(spent) + b"}\n\n")
    stream.append(DONE)
    return stream


def error_event(error: JsonObject, model: str) -> bytes:
    """The event of a failure in mid-stream (OpenRouter's streaming guide, "errors after tokens have been sent")."""
    choice: JsonObject = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    return (
        b"data: "
        + dumps(
            {
                "id": new_id(),
                "object": "chat.completion.chunk",
                "created": _CREATED,
                "model": model,
                "provider": "Sandbox",
                "error": error,
                "choices": [choice],
            }
        )
        + b"\n\n"
    )


def body(completion: Completion, model: str, prompt_bytes: int, error: JsonObject | None = None) -> bytes:
    """The reply as one JSON body, for a request that does not stream."""
    message: JsonObject = {"role": "assistant", "content": completion.text or None, "refusal": None}
    if completion.reasoning:
        message["reasoning"] = completion.reasoning
    if completion.reasoning_details:
        message["reasoning_details"] = list(completion.reasoning_details)
    if completion.calls:
        message["tool_calls"] = [_whole_call(position, call) for position, call in enumerate(completion.calls)]
    finish = "error" if error is not None else completion.finish_reason or None
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": finish, "native_finish_reason": finish}
    if error is not None:
        choice["error"] = error
    return dumps(
        {
            "id": completion.id or new_id(),
            "provider": completion.provider,
            "model": completion.model or model,
            "object": "chat.completion",
            "created": _CREATED,
            "choices": [choice],
            "usage": usage(completion, prompt_bytes),
        }
    )


def _whole_call(position: int, call: Call) -> JsonObject:
    identity: JsonObject = {} if call.id is None else {"id": call.id}
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": position, **identity, "type": "function", "function": function}


def models(names: Sequence[str]) -> bytes:
    """The answer of GET /models."""
    return dumps(
        {
            "data": [
                {
                    "id": name,
                    "canonical_slug": name,
                    "name": name,
                    "created": _CREATED,
                    "description": "A model of the sandbox.",
                    "context_length": 200_000,
                    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
                    "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003"},
                    "top_provider": {"context_length": 200_000, "max_completion_tokens": 64_000},
                    "supported_parameters": ["max_tokens", "reasoning", "tool_choice", "tools"],
                    "expiration_date": None,
                }
                for name in names
            ]
        }
    )
