"""A chat completion as it was asked for, with the text of its parts: parsed once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from json.decoder import WHITESPACE  # type: ignore[attr-defined]
from typing import Any

JsonObject = dict[str, Any]

_decoder = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion that somebody asked for."""

    number: int
    """Its position in `ModelSandbox.requests`."""
    body: bytes
    """As received."""
    payload: JsonObject
    """The body, parsed."""
    messages: list[JsonObject]
    tools: list[JsonObject]
    tool_choice: Any
    model: str
    """The first model asked for."""
    stream: bool
    session_id: str
    user: str
    headers: Mapping[str, str]
    at: float
    """`time.monotonic()` when it had been read."""

    @property
    def last(self) -> JsonObject:
        """The last message."""
        return self.messages[-1] if self.messages else {}

    @property
    def said(self) -> str:
        """What the last user message says."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                content = message.get("content")
                if isinstance(content, str):
                    return content
                parts = content if isinstance(content, list) else []
                return "".join(part.get("text", "") for part in parts if isinstance(part, dict))
        return ""

    @property
    def results(self) -> list[str]:
        """The contents of the tool messages since the last assistant message, in their order."""
        found: list[str] = []
        for message in reversed(self.messages):
            if message.get("role") != "tool":
                break
            found.insert(0, str(message.get("content")))
        return found


@dataclass(frozen=True, slots=True)
class PrefixBreak:
    """A request that did not begin with the request before it in the same session, so no prompt cache was of use."""

    session_id: str
    request: int
    """The position in `ModelSandbox.requests`."""
    what: str
    """`messages` or `tools`."""


def chat_request(number: int, body: bytes, payload: JsonObject, headers: Mapping[str, str]) -> ChatRequest:
    """A request from its body, as bytes and parsed; wrongly typed fields are left empty."""
    messages, tools = payload.get("messages"), payload.get("tools")
    models = payload.get("models") or [payload.get("model", "")]
    return ChatRequest(
        number=number,
        body=body,
        payload=payload,
        messages=messages if isinstance(messages, list) else [],
        tools=tools if isinstance(tools, list) else [],
        tool_choice=payload.get("tool_choice"),
        model=payload.get("model") or models[0],
        stream=bool(payload.get("stream")),
        session_id=str(payload.get("session_id") or ""),
        user=str(payload.get("user") or ""),
        headers=headers,
        at=time.monotonic(),
    )


def parse(source: str) -> tuple[JsonObject, dict[str, str]]:
    """A JSON object, and the text of each of its values as it stands there. One pass over the text.

    Raises ValueError when it is not the text of one JSON object.
    """
    values: JsonObject = {}
    texts: dict[str, str] = {}
    space = WHITESPACE.match
    position = space(source, 0).end()
    if source[position : position + 1] != "{":
        raise ValueError("not a JSON object")
    position = space(source, position + 1).end()
    while source[position : position + 1] != "}":
        key, position = _decoder.raw_decode(source, position)
        position = space(source, position).end()
        if not isinstance(key, str) or source[position : position + 1] != ":":
            raise ValueError("not a JSON object")
        start = space(source, position + 1).end()
        values[key], position = _decoder.raw_decode(source, start)
        texts[key] = source[start:position]
        position = space(source, position).end()
        if source[position : position + 1] == ",":
            position = space(source, position + 1).end()
        elif source[position : position + 1] != "}":
            raise ValueError("not a JSON object")
    if space(source, position + 1).end() != len(source):
        raise ValueError("something follows the JSON object")
    return values, texts


def grows(before: str, now: str) -> bool:
    """Whether the JSON array `now` is the array `before`, byte for byte, with or without more elements after it."""
    head = before[:-1]
    return now.startswith(head) and (now[len(head) : len(head) + 1] in ("]", ",") or head.strip() == "[")
