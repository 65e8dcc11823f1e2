"""Other servers that speak OpenAI's chat completions, as they refuse what OpenRouter takes.

`ModelSandbox(server=VLLM)` answers requests as that server does: fields that it does not know, contents that it does
not read, and paths that it does not serve end as they do there. The shapes were collected from the sources and the
issue trackers of the servers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from slack_sandbox.openrouter.script import Answer, Completion, Failure

JsonObject = dict[str, Any]
Place = tuple[str | int, ...]
"""Where something is in a request: `("plugins",)`, `("messages", 2, "reasoning_details")`."""
Refuse = Callable[[Sequence[Place]], Failure]

_PLAIN: Final = frozenset(
    {"model", "messages", "stream", "stream_options", "tools", "tool_choice", "max_tokens", "user"}
)
_MESSAGE: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "name"})


@dataclass(frozen=True, slots=True)
class Server:
    """What a server takes, and how it refuses the rest."""

    name: str
    refuse: Refuse
    """The answer to a request with fields that the server does not know, or contents of a wrong type."""
    no_path: Failure
    """The answer on paths that are not served, as without `/v1`."""
    fields: frozenset[str] | None = _PLAIN
    """What a request may have; anything when None."""
    message_fields: frozenset[str] | None = _MESSAGE
    tool_parts: bool = False
    """Whether the content of a tool message may be a list."""
    nulls: bool = True
    """Whether a content may be null."""
    needs_model: bool = True
    """Whether a request has to name a model."""
    usage: bool = True
    """Whether it reports the usage of a stream, where the request asks for it."""

    def refusal(self, request: Mapping[str, Any]) -> Failure | None:
        """The answer to a request that the server refuses; None if it takes it."""
        wrong = list(self._wrong(request))
        return self.refuse(wrong) if wrong else None

    def answered(self, request: Mapping[str, Any], answer: Answer) -> Answer:
        """The answer to a request as this server gives it: with its usage only if that was asked for."""
        if not isinstance(answer, Completion):
            return answer
        options = request.get("stream_options")
        asked = isinstance(options, dict) and options.get("include_usage") is True
        spent = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return replace(answer, usage=spent if asked and self.usage else {})

    def _wrong(self, request: Mapping[str, Any]) -> Iterator[Place]:
        if self.needs_model and not isinstance(request.get("model"), str):
            yield ("model",)
        yield from ((key,) for key in request if self.fields is not None and key not in self.fields)
        messages = request.get("messages")
        for number, message in enumerate(messages if isinstance(messages, list) else []):
            known = self.message_fields
            yield from (("messages", number, key) for key in message if known is not None and key not in known)
            content = message.get("content")
            of_tool = message.get("role") == "tool" and isinstance(content, list) and not self.tool_parts
            if of_tool or ("content" in message and content is None and not self.nulls):
                yield ("messages", number, "content")


def raw(status: int, body: object) -> Failure:
    """An answer with exactly this body: a text, or a value that is sent as JSON."""
    said = body if isinstance(body, str) else json.dumps(body)
    return Failure("status", status, {}, None, Completion(), 0, raw=said)


def _pydantic(places: Sequence[Place]) -> list[JsonObject]:
    def entry(place: Place) -> JsonObject:
        loc = ["body", *place]
        if place[-1] == "model":
            return {"type": "missing", "loc": loc, "msg": "Field required", "input": {}}
        if place[-1] == "content":
            return {"type": "string_type", "loc": loc, "msg": "Input should be a valid string", "input": []}
        return {"type": "extra_forbidden", "loc": loc, "msg": "Extra inputs are not permitted", "input": "…"}

    return [entry(place) for place in places]


def _openai_like(words: str, code: str | None = None) -> JsonObject:
    return {"error": {"message": words, "type": "invalid_request_error", "param": None, "code": code}}


def _fastapi(places: Sequence[Place]) -> Failure:
    return raw(422, {"detail": _pydantic(places)})


def _vllm(places: Sequence[Place]) -> Failure:
    entries = [{**entry, "loc": tuple(entry["loc"])} for entry in _pydantic(places)]
    return raw(400, {"object": "error", "message": str(entries), "type": "BadRequestError", "param": None, "code": 400})


def _mistral(places: Sequence[Place]) -> Failure:
    said = {"detail": _pydantic(places)}
    return raw(422, {"object": "error", "message": said, "type": "invalid_request_error", "code": None})


def _openai(places: Sequence[Place]) -> Failure:
    top = [str(place[0]) for place in places if len(place) == 1 and place[0] != "model"]
    if ("model",) in places:
        return raw(400, _openai_like("you must provide a model parameter"))
    if top:
        return raw(400, _openai_like(f"Unrecognized request argument supplied: {top[0]}"))
    where = f"messages[{places[0][1]}].{places[0][2]}"
    if places[0][-1] == "content":
        return raw(400, _openai_like(f"Invalid type for '{where}': expected a string, but got an array instead."))
    return raw(400, _openai_like(f"Unknown parameter: '{where}'.", "unknown_parameter"))


def _groq(places: Sequence[Place]) -> Failure:
    place = places[0]
    if place == ("model",):
        return raw(400, _openai_like("property 'model' is missing"))
    if len(place) == 1:
        return raw(400, _openai_like(f"property '{place[0]}' is unsupported"))
    where = f"messages.{place[1]}"
    wrong = f"property '{place[2]}' is unsupported" if place[2] != "content" else "content must be a string"
    said = f"'{where}' : for 'role:assistant' the following must be satisfied[('{where}' : {wrong})]"
    return raw(400, _openai_like(said))


def _gemini(places: Sequence[Place]) -> Failure:
    said = [
        "model is not specified"
        if place == ("model",)
        else f"Invalid value at '{place[0]}[{place[1]}].content' (TYPE_STRING), not a string"
        if place[-1] == "content"
        else f'Invalid JSON payload received. Unknown name "{place[-1]}"'
        + (f" at 'messages[{place[1]}]'" if len(place) > 1 else "")
        + ": Cannot find field."
        for place in places
    ]
    return raw(400, [{"error": {"code": 400, "message": "\n".join(said), "status": "INVALID_ARGUMENT"}}])


def _fireworks(places: Sequence[Place]) -> Failure:
    place = places[0]
    if place[-1] == "model":
        return raw(400, _openai_like("Field required, field: 'model'"))
    kind = "Input should be a valid string" if place[-1] == "content" else "Extra inputs are not permitted"
    return raw(400, _openai_like(f"{kind}, field: '{'.'.join(map(str, place))}', value: []"))


def _silent(_: Sequence[Place]) -> Failure:
    return raw(400, {"error": {"message": "Bad Request", "type": "invalid_request_error"}})


def _ollama(places: Sequence[Place]) -> Failure:
    if ("model",) in places:
        return raw(400, _openai_like("model is required"))
    return raw(400, _openai_like("invalid message content type: <nil>"))


def _llama_cpp(_: Sequence[Place]) -> Failure:
    said = "Failed to parse messages: Expected 'content' to be a string or an array, got null"
    return raw(500, {"error": {"code": 500, "message": said, "type": "server_error"}})


_NOT_FOUND: Final = raw(404, {"detail": "Not Found"})
FASTAPI: Final = Server("a strict FastAPI server", _fastapi, _NOT_FOUND, fields=_PLAIN - {"user"})
VLLM: Final = Server("vLLM before 0.6.4", _vllm, _NOT_FOUND, fields=_PLAIN - {"stream_options"}, usage=False)
MISTRAL: Final = Server("Mistral", _mistral, raw(404, {"message": "no Route matched with those values"}))
OPENAI: Final = Server("OpenAI", _openai, raw(404, _openai_like("Invalid URL (POST /chat/completions)")))
GROQ: Final = Server(
    "Groq", _groq, raw(404, _openai_like("Unknown request URL: POST /chat/completions. Please check the URL for typos"))
)
GEMINI: Final = Server("Gemini", _gemini, raw(404, ""))
FIREWORKS: Final = Server("Fireworks", _fireworks, raw(404, "<html><h1>404 Not Found</h1><hr>nginx</html>"))
SILENT: Final = Server("a server that gives no reason", _silent, raw(404, "Not Found"), tool_parts=True)
OLLAMA: Final = Server(
    "Ollama", _ollama, raw(404, "404 page not found"), fields=None, message_fields=None, tool_parts=True, nulls=False
)
LLAMA_CPP: Final = Server(
    "llama.cpp",
    _llama_cpp,
    raw(404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}),
    fields=None,
    message_fields=None,
    tool_parts=True,
    nulls=False,
    needs_model=False,
)
LM_STUDIO: Final = Server(
    "LM Studio",
    _openai,
    raw(200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    fields=None,
    message_fields=None,
    tool_parts=True,
)
SERVERS: Final = (*(FASTAPI, VLLM, MISTRAL, OPENAI, GROQ, GEMINI, FIREWORKS, SILENT, OLLAMA, LLAMA_CPP, LM_STUDIO),)
"""All that are known."""

TOO_LONG: Final[Mapping[str, Failure]] = {
    "vLLM": raw(
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 4133 tokens (4117 "
            "in the messages, 16 in the completion). Please reduce the length of the messages or completion.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "vLLM, newer": raw(
        400,
        _openai_like(
            "You passed 4117 input tokens and requested 16 output tokens. However, the model's context length is only "
            "4096 tokens, resulting in a maximum input length of 4080 tokens. Please reduce the length of the input."
        ),
    ),
    "vLLM, no room left": raw(
        400,
        {
            "object": "error",
            "message": "max_tokens must be at least 1, got -186.",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "llama.cpp": raw(
        400,
        {
            "error": {
                "code": 400,
                "message": "request (5123 tokens) exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5123,
                "n_ctx": 4096,
            }
        },
    ),
    "llama.cpp while writing": raw(
        500, {"error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}}
    ),
    "Ollama": raw(400, _openai_like("prompt too long; exceeded max context length by 20 tokens")),
    "LM Studio": raw(
        400,
        {
            "error": "Trying to keep the first 5650 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context "
            "length, or provide a shorter input"
        },
    ),
    "LM Studio with status 200": raw(
        200,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: "
            "13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."
        },
    ),
}
"""A conversation that does not fit."""
NO_MODEL: Final[Mapping[str, Failure]] = {
    "Ollama": raw(404, _openai_like('model "llama3" not found, try pulling it first')),
    "Ollama, newer": raw(404, {"error": {"message": "model 'llama3' not found", "type": "not_found_error"}}),
    "vLLM": raw(
        404, {"object": "error", "message": "The model `llama3` does not exist.", "type": "NotFoundError", "code": 404}
    ),
    "LM Studio": raw(
        404,
        _openai_like("No models loaded. Please load a model in the developer page or use the `lms load` command."),
    ),
}
"""A model that was not pulled or loaded."""
NO_TOOLS: Final[Mapping[str, Failure]] = {
    "Ollama": raw(400, _openai_like("registry.ollama.ai/library/gemma2:9b does not support tools")),
    "vLLM": raw(
        400,
        _openai_like('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    ),
    "llama.cpp": raw(
        500, {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}
    ),
}
"""A model, or a server as it was started, that takes no tools."""
NO_IMAGES: Final[Mapping[str, Failure]] = {
    "vLLM": raw(400, _openai_like("llama3 is not a multimodal model")),
    "vLLM, newer": raw(400, _openai_like("At most 0 image(s) may be provided in one prompt.")),
    "llama.cpp": raw(
        500,
        {
            "error": {
                "code": 500,
                "message": "image input is not supported - hint: you may need to provide the mmproj",
                "type": "server_error",
            }
        },
    ),
    "Ollama": raw(500, _openai_like("this model is missing data required for image input")),
    "OpenRouter": raw(
        404, {"error": {"code": 404, "message": "No endpoints found that support image input", "metadata": {}}}
    ),
    "DeepSeek": raw(
        400, _openai_like("Failed to deserialize: messages[1]: unknown variant `image_url`, expected `text`")
    ),
}
"""A model that cannot read images."""
