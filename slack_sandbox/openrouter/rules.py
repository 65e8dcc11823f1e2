"""What the strictest of the model providers refuse in a request.

The rules are those of the providers behind OpenRouter, each the strictest one found: OpenAI on the order of tool
messages, on names and on empty arrays, Anthropic on empty texts, on call ids (unique in the whole conversation), on the
last role and on reasoning that comes back changed, Gemini and Mistral on schemas and unknown fields, OpenRouter itself
on `models` (at most three) and `session_id` (at most 256 characters).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

JsonObject = dict[str, Any]

NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}\Z")
MAX_TOOLS: Final = 128
_MESSAGE_KEYS: Final = {
    "system": {"role", "content", "name", "cache_control"},
    "developer": {"role", "content", "name", "cache_control"},
    "user": {"role", "content", "name", "cache_control"},
    "assistant": {
        "role",
        "content",
        "name",
        "tool_calls",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "cache_control",
    },
    "tool": {"role", "content", "tool_call_id", "name", "cache_control"},
}
_SCHEMA_NEVER: Final = ("$ref", "$defs", "$schema", "definitions")
_SCHEMA_NOT_AT_ROOT: Final = ("anyOf", "oneOf", "allOf", "not", "enum")


def request_faults(request: JsonObject) -> Iterator[str]:
    """What is wrong with the parameters besides messages and tools."""
    models = request.get("models")
    if not isinstance(request.get("model"), str) and not models:
        yield "no model is named"
    if models is not None and (not isinstance(models, list) or len(models) > 3):
        yield "'models' array must have 3 items or fewer"
    session = request.get("session_id")
    if session is not None and not (isinstance(session, str) and len(session) <= 256):
        yield "session_id must be a string of at most 256 characters"
    choice, tools = request.get("tool_choice"), request.get("tools")
    if choice is None:
        return
    if not tools:
        yield "tool_choice is only allowed when tools are given"
    elif isinstance(choice, dict):
        named = choice.get("function", {}).get("name") if choice.get("type") == "function" else None
        if named not in {tool.get("function", {}).get("name") for tool in tools if isinstance(tool, dict)}:
            yield f"tool_choice names no tool: {choice}"
    elif choice not in ("auto", "none", "required"):
        yield f"invalid tool_choice: {choice!r}"


def tool_faults(tools: object) -> Iterator[str]:
    """What is wrong with the `tools` array."""
    if not isinstance(tools, list) or not tools:
        yield "tools must be an array with at least one tool"
        return
    if len(tools) > MAX_TOOLS:
        yield f"tools: array too long. Expected maximum length {MAX_TOOLS}, got {len(tools)}"
    seen: set[str] = set()
    for position, tool in enumerate(tools):
        where = f"tools[{position}]"
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict):
            yield f"{where}: not a function tool"
            continue
        name = function.get("name")
        if not isinstance(name, str) or not NAME.match(name):
            yield f"{where}.function.name does not match ^[a-zA-Z][a-zA-Z0-9_-]{{0,63}}$: {name!r}"
        elif name in seen:
            yield f"{where}: tool names must be unique: {name}"
        else:
            seen.add(name)
        description = function.get("description", "…")
        if not isinstance(description, str) or not description.strip():
            yield f"{where}.function.description is not a string with at least one character"
        yield from _schema_faults(function.get("parameters"), f"{where}.function.parameters")


def _schema_faults(schema: object, where: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield f"{where} is not an object"
        return
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        yield f"{where} must have type object and properties"
    yield from (f"{where}: {word} at the root" for word in _SCHEMA_NOT_AT_ROOT if word in schema)
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"{where}.required is not an array of strings"
    yield from _never_words(schema, where)


def _never_words(schema: object, where: str) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _never_words(item, where)
    if not isinstance(schema, dict):
        return
    yield from (f"{where}: {word} is not supported" for word in _SCHEMA_NEVER if word in schema)
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            for name, inner in value.items():
                yield from _never_words(inner, f"{where}.{name}")
        elif key not in ("enum", "const", "default", "example", "examples"):
            yield from _never_words(value, where)


def _has_text(content: object, *, blank: bool = False) -> bool:
    """Whether the content says something; `blank` allows an empty string, as tool results may be."""
    if isinstance(content, str):
        return blank or bool(content.strip())
    if not isinstance(content, list) or not content:
        return False
    return all(
        isinstance(part, dict)
        and isinstance(part.get("type"), str)
        and (part["type"] != "text" or (isinstance(part.get("text"), str) and bool(part["text"].strip())))
        for part in content
    )


def _call_faults(call: object, where: str, ids: set[str]) -> Iterator[str]:
    function = call.get("function") if isinstance(call, dict) and call.get("type") == "function" else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        yield f"{where}: not a function call"
        return
    identity = call.get("id")
    if not isinstance(identity, str) or not identity:
        yield f"{where}.id is empty"
    elif identity in ids:
        yield f"{where}.id is used twice: {identity}"
    else:
        ids.add(identity)
    unknown = (set(call) - {"id", "type", "function"}) | (set(function) - {"name", "arguments"})
    if unknown:
        yield f"{where}: unknown fields {sorted(unknown)}"
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not NAME.match(name):
        yield f"{where}.function.name does not match ^[a-zA-Z][a-zA-Z0-9_-]{{0,63}}$: {name!r}"
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        yield f"{where}.function.arguments is not the JSON text of an object: {arguments!r:.200}"


def message_faults(messages: object, has_tools: bool, reasoning: Mapping[str, Sequence[JsonObject]]) -> list[str]:
    """What is wrong with the conversation.

    reasoning: by call id, the reasoning_details of the assistant message that made the call.
    """
    if not isinstance(messages, list) or not messages:
        return ["messages must be an array with at least one message"]
    conversation = _Conversation(has_tools, reasoning)
    for position, message in enumerate(messages):
        conversation.read(f"messages[{position}]", message)
    return conversation.finish()


class _Conversation:
    """Reads the messages in their order and collects what is wrong with them."""

    def __init__(self, has_tools: bool, reasoning: Mapping[str, Sequence[JsonObject]]) -> None:
        self.faults: list[str] = []
        self._has_tools = has_tools
        self._reasoning = reasoning
        self._ids: set[str] = set()
        self._open: list[str] = []
        """The calls of the assistant message right before, that have no tool message yet."""
        self._answered: set[str] = set()
        self._role: object = None

    def read(self, where: str, message: object) -> None:
        role = message.get("role") if isinstance(message, dict) else None
        self._role = role
        if not isinstance(message, dict) or not isinstance(role, str) or role not in _MESSAGE_KEYS:
            self.faults.append(f"{where}.role is unknown: {role!r}")
            return
        if not message.keys() <= _MESSAGE_KEYS[role]:
            self.faults.append(f"{where}: unknown fields {sorted(message.keys() - _MESSAGE_KEYS[role])}")
        if role == "tool":
            self._read_result(where, message)
            return
        if self._open:
            self.faults.append(f"{where}: calls without a tool message right after them: {self._open}")
        self._open, self._answered = [], set()
        if role == "assistant" and "tool_calls" in message:
            self._read_calls(where, message)
        elif not _has_text(message.get("content")):
            self.faults.append(f"{where}.content is empty ({role})")

    def _read_result(self, where: str, message: JsonObject) -> None:
        identity = message.get("tool_call_id")
        if identity in self._open:
            self._open.remove(identity)
            self._answered.add(identity)
        elif identity in self._answered:
            self.faults.append(f"{where}: this call has its answer already: {identity!r}")
        else:
            self.faults.append(f"{where}: tool_call_id is of no call in the preceding assistant message: {identity!r}")
        if not _has_text(message.get("content"), blank=True):
            self.faults.append(f"{where}.content is missing")

    def _read_calls(self, where: str, message: JsonObject) -> None:
        made = message["tool_calls"]
        if not isinstance(made, list) or not made:
            self.faults.append(f"{where}.tool_calls is empty")
            return
        if not self._has_tools:
            self.faults.append(f"{where}: the request has tool calls in its history and no tools")
        content = message.get("content")
        if content is not None and content != "" and not _has_text(content):
            self.faults.append(f"{where}.content is blank")
        for number, call in enumerate(made):
            self.faults.extend(_call_faults(call, f"{where}.tool_calls[{number}]", self._ids))
        self._open = [call["id"] for call in made if isinstance(call, dict) and isinstance(call.get("id"), str)]
        kept = next((self._reasoning[identity] for identity in self._open if identity in self._reasoning), None)
        if kept is not None and message.get("reasoning_details") != kept:
            self.faults.append(f"{where}: reasoning_details are not those that came with these calls")

    def finish(self) -> list[str]:
        if self._open:
            self.faults.append(f"calls without a tool message: {self._open}")
        if self._role not in ("user", "tool"):
            self.faults.append(f"the conversation must end with a user or a tool message, not with {self._role!r}")
        return self.faults
